using ContinualService.Domain.Forecasts;

namespace ContinualService.Api.Forecasts;

/// <summary>One task before it is learned.</summary>
/// <param name="TaskId">The waiting task; null: the rows that were sent.</param>
/// <param name="Name">Its name.</param>
/// <param name="Base">Score of the bare base on its held-out rows; null where there are none.</param>
/// <param name="ZeroShot">Score of the head on the same rows; null where there are none, or where the adapter has learned nothing.</param>
/// <param name="GradientRows">Training rows that the gradient was taken on.</param>
/// <param name="Loss">Their mean cross-entropy under the head, in nats.</param>
/// <param name="Conflict">Against what the adapter has learned; null where that is nothing.</param>
public sealed record MeasuredTask(string? TaskId, string Name, ForecastScore? Base, ForecastScore? ZeroShot, int GradientRows, double Loss, ConflictMeasures? Conflict)
{
    internal static MeasuredTask Of(ForecastTask task, bool waits) => new(
        waits ? task.TaskId : null, task.Name, ForecastScore.Of(task.Base), ForecastScore.Of(task.ZeroShot), task.Rows, task.Loss, task.Conflict is not { } conflict ? null
            : new ConflictMeasures(conflict.Cosine, conflict.RowShare, conflict.ColumnShare, conflict.RowShareByChance, conflict.ColumnShareByChance));
}
