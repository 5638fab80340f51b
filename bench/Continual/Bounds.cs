namespace ContinualService.Bench.Continual;

/// <summary>What methods lie between; no methods themselves, because they do not learn one task after another.</summary>
public static class Bounds
{
    /// <summary>The untrained base: the lower bound.</summary>
    public const string Base = "base";

    /// <summary>One plain LoRA of the same shape, tuned once on the rows of all tasks together: the upper bound.</summary>
    public const string Multitask = "multitask";

    public static IReadOnlyList<string> Names { get; } = [Base, Multitask];
}
