using ContinualService.Api.Errors;
using ContinualService.Api.Tasks;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Replays;

/// <summary>Finds replays inside one tenant and shows them with what was compared.</summary>
internal sealed class ReplayReader(ServiceDbContext database)
{
    public async Task<Outcome<Replay>> FindAsync(Adapter adapter, string id, CancellationToken cancellationToken)
    {
        var replay = await database.Replays.AsNoTracking().FirstOrDefaultAsync(row => row.AdapterId == adapter.Id && row.Id == id, cancellationToken);
        if (replay is not null) return replay;
        return Problem.NotFound($"The replay '{id}' of '{adapter.Name}'", $"GET /adapters/{adapter.Id}/replays lists them; POST /adapters/{adapter.Id}/replay makes one.");
    }

    public async Task<ReplayResponse> ShowAsync(Replay replay, CancellationToken cancellationToken) => (await ShowAsync(replay.AdapterId, [replay], cancellationToken))[0];

    /// <summary>Shows replays of one adapter.</summary>
    public async Task<List<ReplayResponse>> ShowAsync(string adapterId, IReadOnlyList<Replay> replays, CancellationToken cancellationToken)
    {
        var taskIds = replays.Select(row => row.TaskId).ToList();
        var tasks = await database.Tasks.AsNoTracking().Where(row => taskIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        var stored = await database.Versions.AsNoTracking().Where(row => row.AdapterId == adapterId).ToDictionaryAsync(row => row.Number, cancellationToken);
        return [.. replays.Select(replay => Shape(replay, tasks[replay.TaskId], stored))];
    }

    private static ReplayResponse Shape(Replay replay, LearningTask task, Dictionary<int, AdapterVersion> stored)
    {
        var versions = ReplayedVersion.Read(replay.VersionsJson);
        var root = stored[replay.VersionNumber];
        while (root.Parent is { } parent) root = stored[parent];
        return new ReplayResponse(
            replay.Id, replay.AdapterId, replay.VersionNumber, WireName.Of(task.Status), replay.Tolerance, task.SideProgress(), root.TaskId is null ? root.Number : null,
            task.Status == LearningTaskStatus.Succeeded ? WireName.Of(versions.Max(version => version.Verdict)) : null, Divergence.Of(versions, replay.Tolerance),
            [.. versions.Select(version => ReplayedVersionResponse.Of(version, stored[version.Number]))], task.Failure(), task.CreatedAt);
    }
}
