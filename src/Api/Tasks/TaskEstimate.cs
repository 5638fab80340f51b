namespace ContinualService.Api.Tasks;

/// <summary>What a task would cost; the answer to <c>?dry_run=true</c>. Nothing was stored. Times are those of earlier runs, never guesses.</summary>
/// <param name="Valid">Always true: what is not valid is answered with its errors.</param>
/// <param name="Adapter">Id of the adapter; null where the default adapter would be made.</param>
/// <param name="Model">The base model.</param>
/// <param name="Rows">Training rows.</param>
/// <param name="EvaluationRows">Held-out rows.</param>
/// <param name="DuplicateRows">Rows equal to an earlier one.</param>
/// <param name="OverlapRows">Held-out rows that stand in the training rows too.</param>
/// <param name="Tokens">Tokens of the training rows, counted once.</param>
/// <param name="TrainedTokens">Those of them that the loss is taken on.</param>
/// <param name="ProcessedTokens">Tokens that all steps together read; with maxSteps the share of the rows that they reach.</param>
/// <param name="LongestRow">Tokens of the longest row.</param>
/// <param name="Steps">Optimiser steps.</param>
/// <param name="Metric">How the held-out rows would be scored.</param>
/// <param name="Seconds">Training time at the measured speed; null where none was measured.</param>
/// <param name="EvaluationSeconds">Time to score this task's held-out rows, and of every task before it as many as the service's bound on scoring leaves, at the measured speed; null where none was measured.</param>
/// <param name="Speed">What was measured; null: no run on this base has told its speed yet, and the first one that ends will.</param>
/// <param name="MemoryBytes">The most that the training process would hold at once; see <paramref name="Memory"/>.</param>
/// <param name="Memory">What that is made of.</param>
/// <param name="MemoryPlan">How a step would be cut to fit.</param>
public sealed record TaskEstimate(
    bool Valid,
    string? Adapter,
    string Model,
    int Rows,
    int EvaluationRows,
    int DuplicateRows,
    int OverlapRows,
    long Tokens,
    long TrainedTokens,
    long ProcessedTokens,
    int LongestRow,
    int Steps,
    string Metric,
    double? Seconds,
    double? EvaluationSeconds,
    SpeedMeasured? Speed,
    long MemoryBytes,
    MemoryParts Memory,
    MemoryPlanned MemoryPlan);
