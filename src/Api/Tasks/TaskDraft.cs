using ContinualService.Api.Adapters;
using ContinualService.Api.Datasets;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Models;

namespace ContinualService.Api.Tasks;

/// <summary>A task that passed every check, before anything of it is stored.</summary>
/// <param name="Adapter">The adapter it goes to; not stored yet where it is new.</param>
/// <param name="Origin">Where the adapter comes from.</param>
/// <param name="Model">The adapter's base.</param>
/// <param name="Name">The task's name.</param>
/// <param name="Training">Rows to train on.</param>
/// <param name="HeldOut">Rows to score; null where there are none.</param>
/// <param name="Metric">How they are scored.</param>
/// <param name="Labels">The answers to choose from; null unless the metric needs them.</param>
/// <param name="Hyperparameters">How to tune.</param>
/// <param name="Priority">Among the tenant's own tasks.</param>
/// <param name="MetadataJson">The client's own object.</param>
/// <param name="OverlapRows">Held-out rows that stand in the training rows too.</param>
/// <param name="Size">Tokens of the training rows.</param>
/// <param name="HeldOutSize">Tokens of the held-out rows; null where there are none.</param>
internal sealed record TaskDraft(
    Adapter Adapter,
    AdapterOrigin Origin,
    CatalogModel Model,
    string Name,
    Rows Training,
    Rows? HeldOut,
    TaskMetric Metric,
    IReadOnlyList<string>? Labels,
    Hyperparameters Hyperparameters,
    int Priority,
    string MetadataJson,
    int OverlapRows,
    TokenCount Size,
    TokenCount? HeldOutSize)
{
    /// <summary>Rows that an epoch reads at most: the method may add some of its own.</summary>
    public int TrainedRows => Adapter.ContinualMethod().RowsAtMost(Training.Examples.Count, Adapter.TaskCount);

    /// <summary>Optimiser steps, at most.</summary>
    public int Steps => Hyperparameters.Steps(TrainedRows);
}
