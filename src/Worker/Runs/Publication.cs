using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Runs;

/// <summary>Turns a finished run into a version, or an unlearning into as many as were made again: all rows in one transaction, so that they are there whole or not at all.</summary>
/// <param name="Plan">What the run started from.</param>
/// <param name="Parts">Of a task the one it learned; of an unlearning those of its path.</param>
internal sealed record Publication(RunPlan Plan, IReadOnlyList<PublishedPart> Parts)
{
    private const int MostReasons = 10;

    /// <summary>Writes the rows; the number of the version that is head now, or null when the task was cancelled instead or put back because the head moved.</summary>
    public async Task<int?> WriteAsync(RunRecords records, CancellationToken cancellationToken)
    {
        int? published = null;
        await records.WriteAsync(
            async (database, task, now) =>
            {
                if (!await records.IsRunningAsync(database, task, cancellationToken))
                {
                    // Written already, and only the answer was lost.
                    published = task.VersionNumber;
                    return;
                }

                if (task.CancelRequested)
                {
                    await records.CloseRunAsync(database, TaskRunOutcome.Cancelled, null, now, cancellationToken);
                    await RunRecords.CancelAsync(database, task, now, cancellationToken);
                    return;
                }

                var adapter = await database.Adapters.SingleAsync(row => row.Id == Plan.Adapter.Id, cancellationToken);
                // The lease keeps other runs out; a moved head means that somebody went back to another version meanwhile.
                if (adapter.HeadVersion != Plan.Adapter.HeadVersion) throw new HeadMovedException($"Adapter {adapter.Id}: the head went from version {Plan.Adapter.HeadVersion} to {adapter.HeadVersion} during the run.");
                var versions = await AddVersionsAsync(database, now, cancellationToken);
                await RunRecords.EndAsync(database, task, LearningTaskStatus.Succeeded, now, cancellationToken);
                await records.CloseRunAsync(database, TaskRunOutcome.Succeeded, null, now, cancellationToken, Plan.Learns ? Parts[0].Result.Cost : null);
                (task.Percent, task.VersionNumber) = (100, versions[^1].Number);
                await AddEventsAsync(database, versions, now, cancellationToken);
                published = versions[^1].Number;
            },
            cancellationToken);
        return published;
    }

    private async Task<IReadOnlyList<AdapterVersion>> AddVersionsAsync(ServiceDbContext database, DateTimeOffset now, CancellationToken cancellationToken)
    {
        List<AdapterVersion> path = [.. Plan.Rebuilt?.Kept ?? Plan.Ancestors], versions = [];
        for (var index = 0; index < Parts.Count; index++)
        {
            var (part, before) = (Parts[index], path.Count == 0 ? null : path[^1]);
            var version = new NewVersion
            {
                AdapterId = Plan.Adapter.Id,
                Learned = [.. path.Where(earlier => earlier.TaskId is not null)],
                Parent = before?.Number,
                TaskId = Plan.Rebuilt?.Again[index].TaskId ?? Plan.Task.Id,
                TaskIndex = part.Result.TaskIndex,
                Lambda = part.Result.Lambda,
                Schedule = part.Result.Schedule,
                Sha256 = part.Adapter.Sha256,
                SizeBytes = part.Adapter.SizeBytes,
                StateSha256 = part.State.Sha256,
                StateBytes = part.State.SizeBytes,
                Unlearning = Plan.Unlearning is { } unlearning ? (unlearning.Id, unlearning.Mode) : null,
                EnvironmentJson = part.Result.Environment.Write(),
                Gate = part.Result.Gate,
                Drift = part.Result.Drift,
                DriftDefaults = Plan.DriftDefaults,
                Actor = Plan.Task.Id,
            };
            // What an unlearning measures of an older version may have been measured by another one before.
            var measured = await database.MatrixCells.Where(row => row.AdapterId == Plan.Adapter.Id).Select(row => new { row.VersionNumber, row.TaskId }).ToListAsync(cancellationToken);
            var stored = measured.Select(row => (row.VersionNumber, row.TaskId)).ToHashSet();
            var last = index == Parts.Count - 1;
            versions.Add(await (last ? version.AddAsync(database, Cells, now, cancellationToken) : version.AddBesideAsync(database, Cells, now, cancellationToken)));
            path.Add(versions[^1]);
            // The next one's number and figures are read from these rows.
            if (!last) await database.SaveChangesAsync(cancellationToken);

            IReadOnlyList<AdapterMatrixCell> Cells(int number) => [.. CellsOf(part, before, number).Where(cell => !stored.Contains((cell.VersionNumber, cell.TaskId)))];
        }

        return versions;
    }

    private IEnumerable<AdapterMatrixCell> CellsOf(PublishedPart part, AdapterVersion? before, int number) =>
        part.Result.Scores.Select(score => new AdapterMatrixCell
        {
            AdapterId = Plan.Adapter.Id,
            VersionNumber = score.Weights switch { ScoredWeights.Base => 0, ScoredWeights.Previous => before!.Number, _ => number },
            TaskId = score.TaskId,
            Score = score.Score,
            Count = score.Count,
            Low = score.Low,
            High = score.High,
            Metric = score.Metric,
        });

    private async Task AddEventsAsync(ServiceDbContext database, IReadOnlyList<AdapterVersion> versions, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var (version, result) = (versions[^1], Parts[^1].Result);
        var scores = result.Scores.Select(score => new
        {
            task = score.TaskId,
            weights = WireName.Of(score.Weights),
            score = score.Score,
            n = score.Count,
            low = score.Low,
            high = score.High,
            metric = score.Metric,
        });
        var serving = new { result.Serving.Tokens, result.Serving.Difference, result.Serving.NoiseFloor, result.Serving.Tolerance };
        var gate = result.Gate is not { } found ? null : new { verdict = WireName.Of(found.Verdict), reasons = found.Criteria.Select(each => each.Reason).OfType<string>().Take(MostReasons) };
        object published = Plan.Unlearning is { } unlearning
            ? new { version = version.Number, version.Sha256, version.TaskIndex, version.Lambda, unlearning = unlearning.Id, unlearned = WireName.Of(unlearning.Mode), versions = versions.Select(each => each.Number), serving }
            : new { version = version.Number, version.Sha256, version.TaskIndex, version.Lambda, gate, serving };
        await database.AppendEventAsync(Plan.Task.Id, TaskEventTypes.Evaluated, new { scores }, now, cancellationToken);
        await database.AppendEventAsync(Plan.Task.Id, version.Refused ? TaskEventTypes.GateRefused : TaskEventTypes.Published, published, now, cancellationToken);
        if (!version.Refused) await database.AppendDriftAlarmsAsync(version, Plan.Task.Id, now, cancellationToken);
        await database.AppendEventAsync(Plan.Task.Id, TaskEventTypes.Succeeded, new { version = version.Number }, now, cancellationToken);
    }
}
