using ContinualService.Domain.Tasks;
using ContinualService.Engine.Inference;

namespace ContinualService.Engine.Training;

/// <summary>
/// How a task is trained within a budget, counted before anything is loaded: the whole batch at once if that fits, else with gradient checkpointing, else with half the rows, and half of them, down
/// to one. Scoring, which comes after it, takes the largest size that fits, halved as often as it must be.
/// </summary>
/// <param name="Way">The first that fits; where none does, the smallest.</param>
/// <param name="Size">How much scoring computes at once: the largest that fits, or the smallest.</param>
/// <param name="Estimate">What both need.</param>
/// <param name="BudgetBytes">What may be used; null: nobody knows, and the whole batch is taken.</param>
/// <param name="LongestRow">Tokens of the longest training row.</param>
public sealed record MemoryPlan(MicroBatching Way, ScoringSize Size, MemoryEstimate Estimate, long? BudgetBytes, int LongestRow)
{
    private const double Mebibyte = 1 << 20;

    public bool Fits => BudgetBytes is not { } budget || Estimate.Total <= budget;

    /// <summary>What does not fit, and what to do; null where all does.</summary>
    public string? Problem
    {
        get
        {
            if (Fits) return null;
            var (part, bytes, mend) = Largest();
            return FormattableString.Invariant(
                $"Training needs {Estimate.Total / Mebibyte:0} MiB and may use {BudgetBytes!.Value / Mebibyte:0} MiB (Training:MemoryMegabytes), even with one row of up to {LongestRow} tokens at a time, gradient checkpointing, and one held-out row at a time. The largest part is {part} with {bytes / Mebibyte:0} MiB: {mend}, or train where there is more memory.");
        }
    }

    /// <param name="batchRows">Rows of a step.</param>
    /// <param name="longestRow">Tokens of the longest training row.</param>
    /// <param name="budgetBytes">What may be used; null: not known.</param>
    /// <param name="estimate">What so many rows at once need, with gradient checkpointing or without, and scoring of a size.</param>
    public static MemoryPlan Choose(int batchRows, int longestRow, long? budgetBytes, Func<int, bool, ScoringSize, MemoryEstimate> estimate)
    {
        var size = SizeOf(budgetBytes, each => estimate(1, true, each));
        var plan = Of(new MicroBatching(1, batchRows, false));
        if (!plan.Fits) plan = Of(plan.Way with { Recomputes = true });
        while (!plan.Fits && plan.Way.Smaller(batchRows) is { } smaller) plan = Of(smaller);
        return plan;

        MemoryPlan Of(MicroBatching way) => new(way, size, estimate(way.Rows, way.Recomputes, size), budgetBytes, longestRow);
    }

    /// <summary>The largest size with which scoring fits; the smallest where none does.</summary>
    /// <param name="budgetBytes">What may be used; null: not known.</param>
    /// <param name="estimate">What a size needs.</param>
    public static ScoringSize SizeOf(long? budgetBytes, Func<ScoringSize, MemoryEstimate> estimate)
    {
        var size = ScoringSize.Largest;
        while (estimate(size).WhileScoring > budgetBytes && size.Smaller is { } smaller) size = smaller;
        return size;
    }

    private (string Part, long Bytes, string Mend) Largest()
    {
        var training = Estimate.Optimiser + Estimate.Activations + Estimate.Logits >= Estimate.WholeBase + Estimate.Scoring;
        (string Part, long Bytes, string Mend)[] parts =
        [
            ("the base model's weights", Estimate.Weights + (training ? 0 : Estimate.WholeBase), "choose a smaller base, have it held otherwise (Training:Base, Training:Offload)"),
            ("the adapter's states", Estimate.Adapters, "choose a smaller rank, fewer target modules or a method that keeps less"),
            ("the optimiser", training ? Estimate.Optimiser : 0, "choose a smaller rank or fewer target modules"),
            ("the activations", training ? Estimate.Activations : 0, "send a smaller maxSequenceLength"),
            ("the logits", training ? Estimate.Logits : 0, "choose a base with a smaller vocabulary"),
            ("the scoring of held-out rows", training ? 0 : Estimate.Scoring, "send shorter held-out rows (with the method recall also shorter training rows)"),
            ("the process itself", Estimate.Process, "raise that setting"),
        ];
        return parts.MaxBy(part => part.Bytes);
    }
}
