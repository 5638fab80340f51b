namespace ContinualService.Engine.Inference;

/// <summary>
/// How much scoring computes at once: the one place that all scorers take it from and the memory plan counts with. What is computed is at least one row, and the logits of one position. Rows stand
/// in other groups with another size, so scores differ in the last bits.
/// </summary>
/// <param name="Tokens">Of a group of rows, with those that will be generated: all that has keys and values at a time.</param>
public sealed record ScoringSize(int Tokens)
{
    /// <summary>Rows of a group, however short they are.</summary>
    public const int MaxRows = 64;

    // On a CPU: what is made of more no longer lies in its caches (docs/performance.md).
    private const int CpuPass = 1_024;

    /// <summary>What is taken where memory allows: more is no faster.</summary>
    public static ScoringSize Largest { get; } = new(16_384);

    /// <summary>Values of logits at a time, whatever the vocabulary: 64 MiB of float32 with the largest size.</summary>
    public int Logits => Tokens << 10;

    /// <summary>Half of it; null: it cannot be less.</summary>
    public ScoringSize? Smaller => Tokens > 1 ? new ScoringSize(Tokens / 2) : null;

    /// <summary>Positions whose logits are computed at a time.</summary>
    public int Positions(int vocabularySize) => Math.Max(1, Logits / vocabularySize);

    /// <summary>Tokens that go through the blocks together, where that is more than one row: a GPU takes all.</summary>
    public static int PassTokens(bool onCpu) => onCpu ? CpuPass : int.MaxValue;

    /// <summary>Whichever is less.</summary>
    public ScoringSize AtMost(int? tokens) => tokens < Tokens ? new ScoringSize(tokens.Value) : this;
}
