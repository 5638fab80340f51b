namespace ContinualService.Engine.Data;

/// <summary>What happens to a row over the sequence length.</summary>
public enum TruncationPolicy
{
    /// <summary>The row is an error that says its length and the limit. What the service does: nothing is cut without a word.</summary>
    Refuse,

    /// <summary>
    /// The prompt loses tokens and the answer none. The instruction stands first and the generation prompt last, so the gap is made before
    /// the prompt's last tokens, where the input ends. For benchmarks, whose rows are the sources' own.
    /// </summary>
    CutPrompt,
}
