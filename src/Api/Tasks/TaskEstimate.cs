namespace ContinualService.Api.Tasks;

/// <summary>What a task would cost; the answer to <c>?dry_run=true</c>. Nothing was stored.</summary>
/// <param name="Valid">Always true: what is not valid is answered with its errors.</param>
/// <param name="Adapter">Id of the adapter; null where the default adapter would be made.</param>
/// <param name="Model">The base model.</param>
/// <param name="Rows">Training rows.</param>
/// <param name="EvaluationRows">Held-out rows.</param>
/// <param name="DuplicateRows">Rows equal to an earlier one.</param>
/// <param name="OverlapRows">Held-out rows that stand in the training rows too.</param>
/// <param name="Tokens">Tokens of the training rows, counted once.</param>
/// <param name="TrainedTokens">Those of them that the loss is taken on.</param>
/// <param name="LongestRow">Tokens of the longest row.</param>
/// <param name="Steps">Optimiser steps.</param>
/// <param name="Metric">How the held-out rows would be scored.</param>
/// <param name="Seconds">Training time from the rate that earlier tasks on this base reached here; null before one was measured.</param>
/// <param name="MemoryBytes">Null: memory is not measured by this version.</param>
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
    int LongestRow,
    int Steps,
    string Metric,
    double? Seconds,
    long? MemoryBytes);
