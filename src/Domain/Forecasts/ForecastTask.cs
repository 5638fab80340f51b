using ContinualService.Domain.Previews;

namespace ContinualService.Domain.Forecasts;

/// <summary>One task before it is learned.</summary>
/// <param name="TaskId">The waiting task; for rows that were sent, the forecast's own.</param>
/// <param name="Name">The task's name.</param>
/// <param name="Base">Score of the bare base on its held-out rows; null where there are none.</param>
/// <param name="ZeroShot">Score of the head on the same rows; null where there are none, or where the head is the bare base.</param>
/// <param name="Rows">Training rows that the gradient was taken on.</param>
/// <param name="Loss">Their mean cross-entropy under the head, in nats.</param>
/// <param name="Conflict">Against what the adapter has learned; null where that is nothing.</param>
public sealed record ForecastTask(string TaskId, string Name, PreviewScore? Base, PreviewScore? ZeroShot, int Rows, double Loss, TaskConflict? Conflict);
