using ContinualService.Api.Errors;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tasks;

/// <summary>
/// What a task's owner does with it after it was sent. Each change is one transaction under the task's lock: a worker that takes the task up either comes
/// first and sees the wish while it runs, or comes too late.
/// </summary>
internal sealed class TaskControl(ServiceDbContext database, ITaskQueue queue, EventHub hub, TimeProvider time)
{
    /// <summary>Cancels a queued or paused task at once, and asks a running one to end.</summary>
    public Task<Outcome<LearningTask>> CancelAsync(Caller caller, string taskId, CancellationToken cancellationToken) => CancelAsync(caller, taskId, LearningTaskKind.Training, cancellationToken);

    /// <summary>The same for the task of a preview, forecast, replay or unlearning.</summary>
    public Task<Outcome<LearningTask>> CancelSideAsync(Caller caller, string taskId, LearningTaskKind kind, CancellationToken cancellationToken) => CancelAsync(caller, taskId, kind, cancellationToken);

    /// <summary>Puts a queued task aside at once, and asks a running one to write a checkpoint and end; later tasks of the adapter wait behind it.</summary>
    public Task<Outcome<LearningTask>> PauseAsync(Caller caller, string taskId, CancellationToken cancellationToken) =>
        ChangeAsync(caller, taskId, "task.pause", async (task, _, now) =>
        {
            switch (task.Status)
            {
                case LearningTaskStatus.Paused:
                    return null;
                case LearningTaskStatus.Running:
                    task.PauseRequested = true;
                    return null;
                case LearningTaskStatus.Queued:
                    task.Status = LearningTaskStatus.Paused;
                    await database.AppendEventAsync(taskId, TaskEventTypes.Paused, null, now, cancellationToken);
                    return null;
                default:
                    return Over(task, "pause");
            }
        }, cancellationToken);

    /// <summary>Queues a paused task again, from its checkpoint where it has one; a pause that has not happened yet is taken back.</summary>
    public Task<Outcome<LearningTask>> ResumeAsync(Caller caller, string taskId, CancellationToken cancellationToken) =>
        ChangeAsync(caller, taskId, "task.resume", async (task, scope, now) =>
        {
            switch (task.Status)
            {
                case LearningTaskStatus.Queued:
                    return null;
                case LearningTaskStatus.Running:
                    task.PauseRequested = false;
                    return null;
                case LearningTaskStatus.Paused:
                    await QueueAsync(task, "It was resumed.", scope, now, cancellationToken);
                    return null;
                default:
                    return new Problem(ProblemTypes.WrongState, $"The task is over ({WireName.Of(task.Status)}) and not paused. POST /tasks/{taskId}/retry runs a failed or cancelled task once more.") { TaskId = taskId };
            }
        }, cancellationToken);

    /// <summary>Queues a task that failed or was cancelled once more, from its beginning; it learns on top of the adapter's present head.</summary>
    public Task<Outcome<LearningTask>> RetryAsync(Caller caller, string taskId, CancellationToken cancellationToken) =>
        ChangeAsync(caller, taskId, "task.retry", async (task, scope, now) =>
        {
            if (task.Status is not (LearningTaskStatus.Failed or LearningTaskStatus.Cancelled))
                return new Problem(ProblemTypes.WrongState, $"The task is {WireName.Of(task.Status)}; only a failed or cancelled task can be run once more.") { TaskId = taskId };
            if (!await database.Adapters.AnyAsync(row => row.Id == task.AdapterId && row.DeletedAt == null, cancellationToken))
                return new Problem(ProblemTypes.WrongState, "The task's adapter was deleted. Send the task again to another adapter.") { TaskId = taskId };
            (task.CancelRequested, task.PauseRequested, task.DeadRuns, task.FinishedAt) = (false, false, 0, null);
            (task.FailureCode, task.FailureMessage, task.FailureIsUserError) = (null, null, null);
            (task.Percent, task.Step) = (0, 0);
            await QueueAsync(task, "It is run once more.", scope, now, cancellationToken);
            return null;
        }, cancellationToken);

    private Task<Outcome<LearningTask>> CancelAsync(Caller caller, string taskId, LearningTaskKind kind, CancellationToken cancellationToken) =>
        ChangeAsync(caller, taskId, CancelActionOf(kind), async (task, scope, now) =>
        {
            if (task.Status is LearningTaskStatus.Cancelled) return null;
            if (task.Status is LearningTaskStatus.Succeeded or LearningTaskStatus.Failed) return Over(task, "cancel");
            task.CancelRequested = true;
            if (task.Status is LearningTaskStatus.Running) return null;
            (task.Status, task.FinishedAt) = (LearningTaskStatus.Cancelled, now);
            await database.Checkpoints.Where(row => row.TaskId == taskId).ExecuteDeleteAsync(cancellationToken);
            await database.AppendEventAsync(taskId, TaskEventTypes.Cancelled, new { status = WireName.Of(LearningTaskStatus.Cancelled) }, now, cancellationToken);
            // What waited behind it may go now.
            if (await NextAsync(task, cancellationToken) is { } next) scope.Wake(next);
            return null;
        }, cancellationToken, kind);

    private static string CancelActionOf(LearningTaskKind kind) => kind switch
    {
        LearningTaskKind.Training => "task.cancel",
        LearningTaskKind.MergePreview => "preview.cancel",
        _ => $"{WireName.Of(kind)}.cancel",
    };

    private static Problem Over(LearningTask task, string verb) =>
        new(ProblemTypes.WrongState, $"The task is over ({WireName.Of(task.Status)}); there is nothing to {verb}.") { TaskId = task.Id };

    private async Task QueueAsync(LearningTask task, string reason, WriteScope scope, DateTimeOffset now, CancellationToken cancellationToken)
    {
        task.Status = LearningTaskStatus.Queued;
        await database.AppendEventAsync(task.Id, TaskEventTypes.Queued, new { reason }, now, cancellationToken);
        scope.Wake(task.Id);
    }

    private Task<string?> NextAsync(LearningTask task, CancellationToken cancellationToken) =>
        database.Tasks.Where(row => row.AdapterId == task.AdapterId && row.Status == LearningTaskStatus.Queued && row.Id != task.Id)
            .OrderBy(row => row.Id).Select(row => (string?)row.Id).FirstOrDefaultAsync(cancellationToken);

    private async Task<Outcome<LearningTask>> ChangeAsync(
        Caller caller, string taskId, string action, Func<LearningTask, WriteScope, DateTimeOffset, Task<Problem?>> change, CancellationToken cancellationToken,
        LearningTaskKind kind = LearningTaskKind.Training)
    {
        await using var scope = WriteScope.Begin(database, queue);
        // A new or retried task must not meet the deletion of its adapter.
        await database.LockTenantAsync(caller.TenantId, cancellationToken);
        await database.LockTaskAsync(taskId, cancellationToken);
        var task = await database.Tasks.FirstOrDefaultAsync(row => row.TenantId == caller.TenantId && row.Id == taskId && row.Kind == kind, cancellationToken);
        if (task is null) return Problem.NotFound($"The task '{taskId}'", "GET /tasks lists yours.");
        var now = time.GetUtcNow();
        if (await change(task, scope, now) is { } problem) return problem;
        database.Record(caller, action, taskId, now);
        await database.SaveChangesAsync(cancellationToken);
        await scope.CommitAsync(cancellationToken);
        hub.Publish(taskId);
        return task;
    }
}
