using ContinualService.Domain;
using ContinualService.Domain.Tasks;

namespace ContinualService.Api.Tasks;

/// <summary>One attempt at a task.</summary>
/// <param name="Attempt">1, 2, ...</param>
/// <param name="Worker">Host and process that ran it.</param>
/// <param name="Device">cpu, cuda or cuda:N.</param>
/// <param name="FromStep">The step of the checkpoint it went on from; 0: from the beginning.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="EndedAt">Null while it goes on.</param>
/// <param name="Outcome">succeeded, failed, died, cancelled, paused or put_back; null while it goes on.</param>
/// <param name="Reason">Why it ended so; null after a success.</param>
public sealed record RunResponse(
    int Attempt, string Worker, string Device, int FromStep, DateTimeOffset StartedAt, DateTimeOffset? EndedAt, string? Outcome, string? Reason)
{
    internal static RunResponse Of(TaskRun row) => new(
        row.Attempt, row.WorkerName, row.Device, row.FromStep, row.StartedAt, row.EndedAt, row.Outcome is { } outcome ? WireName.Of(outcome) : null, row.Reason);
}
