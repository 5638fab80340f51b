using ContinualService.Api.Errors;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Adapters;

/// <summary>Takes an adapter out of use.</summary>
internal sealed class DeleteAdapter(ServiceDbContext database, TimeProvider time)
{
    /// <summary>Marks it as deleted; null: done. Refused while it has a task that is not finished.</summary>
    public async Task<Problem?> RunAsync(Caller caller, Adapter adapter, CancellationToken cancellationToken)
    {
        // Under the tenant's lock no task slips in between the look and the deletion.
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.LockTenantAsync(adapter.TenantId, cancellationToken);
        var busy = await database.Tasks.Where(row => row.AdapterId == adapter.Id)
            .Where(row => row.Status == LearningTaskStatus.Queued || row.Status == LearningTaskStatus.Running || row.Status == LearningTaskStatus.Paused)
            .Select(row => new { row.Id, row.Kind }).FirstOrDefaultAsync(cancellationToken);
        if (busy is { Kind: LearningTaskKind.MergePreview })
            return new Problem(ProblemTypes.WrongState, $"'{adapter.Name}' has a merge preview that is not finished. Wait for it, or DELETE the one that GET /adapters/{adapter.Id}/merge-previews shows, then delete.");
        if (busy is { Kind: LearningTaskKind.Forecast })
            return new Problem(ProblemTypes.WrongState, $"'{adapter.Name}' has a forecast that is not finished. Wait for it, or DELETE the one that GET /adapters/{adapter.Id}/forecasts shows, then delete.");
        if (busy is { Kind: LearningTaskKind.Replay or LearningTaskKind.Unlearning })
        {
            var (what, list) = busy.Kind == LearningTaskKind.Replay ? ("a replay", "replays") : ("an unlearning", "unlearnings");
            return new Problem(ProblemTypes.WrongState, $"'{adapter.Name}' has {what} that is not finished. Wait for it, or DELETE the one that GET /adapters/{adapter.Id}/{list} shows, then delete.");
        }

        if (busy is not null)
        {
            return new Problem(ProblemTypes.WrongState, $"Task {busy.Id} of '{adapter.Name}' is not finished. Wait for it, or POST /tasks/{busy.Id}/cancel, then delete.")
            {
                TaskId = busy.Id,
            };
        }

        var now = time.GetUtcNow();
        await database.Adapters.Where(row => row.Id == adapter.Id).ExecuteUpdateAsync(set => set.SetProperty(row => row.DeletedAt, now), cancellationToken);
        await database.Tenants.Where(row => row.DefaultAdapterId == adapter.Id)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.DefaultAdapterId, (string?)null), cancellationToken);
        database.Record(caller, "adapter.delete", adapter.Id, now);
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return null;
    }
}
