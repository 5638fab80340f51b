using ContinualService.Api.Errors;
using ContinualService.Domain;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tasks;

/// <summary>Cancels a queued task at once, and asks a running one to end.</summary>
internal sealed class CancelTask(ServiceDbContext database, EventHub hub, TimeProvider time)
{
    public async Task<Outcome<LearningTask>> RunAsync(string tenantId, string taskId, CancellationToken cancellationToken)
    {
        // One transaction with the write lock: a worker that takes the task up either comes first and sees the request, or comes too late.
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        var task = await database.Tasks.FirstOrDefaultAsync(row => row.TenantId == tenantId && row.Id == taskId, cancellationToken);
        if (task is null) return Problem.NotFound($"The task '{taskId}'", "GET /tasks lists yours.");
        if (task.Status is LearningTaskStatus.Cancelled) return task;
        if (task.Status is LearningTaskStatus.Succeeded or LearningTaskStatus.Failed)
            return new Problem(ProblemTypes.WrongState, $"The task is over ({WireName.Of(task.Status)}); there is nothing to cancel.") { TaskId = taskId };

        task.CancelRequested = true;
        if (task.Status is LearningTaskStatus.Queued)
        {
            var now = time.GetUtcNow();
            (task.Status, task.FinishedAt) = (LearningTaskStatus.Cancelled, now);
            await database.AppendEventAsync(taskId, TaskEventTypes.Cancelled, new { status = WireName.Of(LearningTaskStatus.Cancelled) }, now, cancellationToken);
        }

        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        hub.Publish(taskId);
        return task;
    }
}
