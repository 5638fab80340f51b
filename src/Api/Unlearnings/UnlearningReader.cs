using ContinualService.Api.Errors;
using ContinualService.Api.Tasks;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Unlearnings;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Unlearnings;

/// <summary>Finds unlearnings inside one tenant and shows them.</summary>
internal sealed class UnlearningReader(ServiceDbContext database)
{
    public async Task<Outcome<Unlearning>> FindAsync(Adapter adapter, string id, CancellationToken cancellationToken)
    {
        var unlearning = await database.Unlearnings.AsNoTracking().FirstOrDefaultAsync(row => row.AdapterId == adapter.Id && row.Id == id, cancellationToken);
        if (unlearning is not null) return unlearning;
        return Problem.NotFound($"The unlearning '{id}' of '{adapter.Name}'", $"GET /adapters/{adapter.Id}/unlearnings lists them; POST /adapters/{adapter.Id}/unlearn makes one.");
    }

    public async Task<UnlearningResponse> ShowAsync(Unlearning unlearning, CancellationToken cancellationToken) => (await ShowAsync(unlearning.AdapterId, [unlearning], cancellationToken))[0];

    /// <summary>Shows unlearnings of one adapter.</summary>
    public async Task<List<UnlearningResponse>> ShowAsync(string adapterId, IReadOnlyList<Unlearning> unlearnings, CancellationToken cancellationToken)
    {
        var taskIds = unlearnings.SelectMany(row => new[] { row.TaskId, row.RemovedTaskId }).ToList();
        var tasks = await database.Tasks.AsNoTracking().Where(row => taskIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        var versions = await database.Versions.AsNoTracking().Where(row => row.AdapterId == adapterId).ToListAsync(cancellationToken);
        var aliases = await database.Aliases.AsNoTracking().Where(row => row.AdapterId == adapterId).ToListAsync(cancellationToken);
        return [.. unlearnings.Select(unlearning =>
        {
            var (task, removed) = (tasks[unlearning.TaskId], tasks[unlearning.RemovedTaskId]);
            return new UnlearningResponse(
                unlearning.Id, adapterId, removed.Id, removed.Name, WireName.Of(unlearning.Mode), unlearning.VersionNumber, WireName.Of(task.Status), task.SideProgress(),
                [.. versions.Where(version => version.UnlearningId == unlearning.Id && version.MergePreviewId is null).Select(version => version.Number).Order()], HoldingVersion.Of(versions, aliases, removed.Id), task.Failure(), task.CreatedAt);
        })];
    }
}
