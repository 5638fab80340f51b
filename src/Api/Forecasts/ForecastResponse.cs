using ContinualService.Api.Tasks;

namespace ContinualService.Api.Forecasts;

/// <summary>A forecast. What it measured is null until it has succeeded; docs/methods.md has the formulas.</summary>
/// <param name="Id">Its id.</param>
/// <param name="AdapterId">Whose.</param>
/// <param name="Status">queued, running, succeeded, failed or cancelled.</param>
/// <param name="Percent">0 to 100.</param>
/// <param name="WaitingTaskIds">The waiting tasks that are compared, in the order they stand in; empty: the rows that were sent are measured.</param>
/// <param name="Version">The head that was measured; 0: the bare base.</param>
/// <param name="Tasks">Each task.</param>
/// <param name="SpareRank">How full the adapter is.</param>
/// <param name="Order">An advice, where more than one task was measured; nothing is reordered.</param>
/// <param name="Failure">Why it failed; null unless it did.</param>
/// <param name="CreatedAt">When it was asked for.</param>
public sealed record ForecastResponse(
    string Id, string AdapterId, string Status, double Percent, IReadOnlyList<string> WaitingTaskIds, int? Version, IReadOnlyList<MeasuredTask>? Tasks, SpareRankResponse? SpareRank,
    AdvisedOrder? Order, TaskFailure? Failure, DateTimeOffset CreatedAt);
