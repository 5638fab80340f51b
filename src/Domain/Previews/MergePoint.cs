using ContinualService.Domain.Evaluation;
using ContinualService.Domain.Gates;

namespace ContinualService.Domain.Previews;

/// <summary>What one lambda gives and costs; every score where higher is better.</summary>
/// <param name="Merge">What was merged.</param>
/// <param name="Lambda">0 to 1; of a schedule the mean over the layers.</param>
/// <param name="NewTask">The newest task's score.</param>
/// <param name="Gain">Its score minus that of the version before on the same rows; null where that was not measured.</param>
/// <param name="Tasks">All measured tasks with what each lost, in the order learned.</param>
/// <param name="MeanForgetting">Mean over the earlier tasks that were measured; null where there is none.</param>
/// <param name="WorstForgetting">The largest of them.</param>
/// <param name="ForgettingLow">Lower end of the mean's 95 % interval.</param>
/// <param name="ForgettingHigh">Upper end of it.</param>
/// <param name="AverageAccuracy">Mean over all tasks; null where one has no held-out rows.</param>
/// <param name="Gate">What the adapter's gate says of it; null: it had none when this was measured.</param>
public sealed record MergePoint(
    MergeSchedule Merge, double Lambda, MatrixCell NewTask, double? Gain, IReadOnlyList<(string TaskId, MatrixCell Cell, double? Forgetting)> Tasks,
    double? MeanForgetting, double? WorstForgetting, double? ForgettingLow, double? ForgettingHigh, double? AverageAccuracy, GateVerdict? Gate)
{
    /// <summary>Whether no other point gives more for as little forgetting, or as much for less.</summary>
    public bool IsPareto(IEnumerable<MergePoint> curve) => !curve.Any(other => other.NewTask.Score >= NewTask.Score && other.Lost <= Lost && (other.NewTask.Score > NewTask.Score || other.Lost < Lost));

    private double Lost => MeanForgetting ?? 0;
}
