using System.Text.Json.Nodes;
using ContinualService.Api.Adapters;
using ContinualService.Domain.Previews;

namespace ContinualService.Api.Previews;

/// <summary>What one lambda gives and costs. Higher is better: a loss stands as its negative.</summary>
/// <param name="Lambda">The weight of the new task in the merge; of a schedule the mean over the layers.</param>
/// <param name="Schedule">The schedule's name, which adopting it and chatting with it take; null where all layers have the one lambda.</param>
/// <param name="Own">Whether it is the method's own.</param>
/// <param name="NewTask">The newest task's score.</param>
/// <param name="Gain">That score minus the one of the version before on the same rows; null where that was not measured.</param>
/// <param name="Forgetting">What the earlier tasks lost; null where none was measured.</param>
/// <param name="PerTask">Every measured task, in the order learned.</param>
/// <param name="AverageAccuracy">Mean score of all tasks; null where one has no held-out rows.</param>
/// <param name="Gate">What the adapter's gate says of it, as of a version; null: it had none when this was measured.</param>
/// <param name="Pareto">Whether no other lambda gives the new task more for as little mean forgetting, or as much for less.</param>
public sealed record CurvePoint(
    double Lambda, string? Schedule, bool Own, CurveScore NewTask, double? Gain, CurveForgetting? Forgetting, IReadOnlyList<CurveTask> PerTask, double? AverageAccuracy, JsonObject? Gate,
    bool Pareto)
{
    internal static CurvePoint Of(MergePoint point, IReadOnlyList<MergePoint> curve, double ownLambda) => new(
        point.Lambda, point.Merge.Schedule, point.Merge.Lambda == ownLambda, CurveScore.Of(point.NewTask), point.Gain,
        point.MeanForgetting is { } mean ? new CurveForgetting(mean, point.WorstForgetting!.Value, point.ForgettingLow!.Value, point.ForgettingHigh!.Value) : null,
        [.. point.Tasks.Select(task => new CurveTask(task.TaskId, task.Cell.Metric, CurveScore.Of(task.Cell), task.Forgetting))], point.AverageAccuracy,
        GateView.Brief(point.Gate?.Write()), point.IsPareto(curve));
}
