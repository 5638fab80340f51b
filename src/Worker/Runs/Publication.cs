using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Runs;

/// <summary>Turns a finished run into a version: all rows in one transaction, so that a version is there whole or not at all.</summary>
/// <param name="Plan">What the run started from.</param>
/// <param name="Result">What its process reported.</param>
/// <param name="Adapter">The served weights, stored.</param>
/// <param name="State">The training state, stored.</param>
internal sealed record Publication(RunPlan Plan, RunResult Result, StoredObject Adapter, StoredObject State)
{
    private const int MostReasons = 10;

    /// <summary>Writes the rows; the number of the version, or null when the task was cancelled instead or put back because the head moved.</summary>
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
                var version = await Version.AddAsync(database, Cells, now, cancellationToken);
                await RunRecords.EndAsync(database, task, LearningTaskStatus.Succeeded, now, cancellationToken);
                await records.CloseRunAsync(database, TaskRunOutcome.Succeeded, null, now, cancellationToken, Result.Cost);
                (task.Percent, task.VersionNumber) = (100, version.Number);
                await AddEventsAsync(database, version, now, cancellationToken);
                published = version.Number;
            },
            cancellationToken);
        return published;
    }

    private NewVersion Version => new()
    {
        AdapterId = Plan.Adapter.Id,
        Learned = [.. Plan.Learned],
        Parent = Plan.Parent?.Number,
        TaskId = Plan.Task.Id,
        TaskIndex = Result.TaskIndex,
        Lambda = Result.Lambda,
        Sha256 = Adapter.Sha256,
        SizeBytes = Adapter.SizeBytes,
        StateSha256 = State.Sha256,
        StateBytes = State.SizeBytes,
        Gate = Result.Gate,
        Actor = Plan.Task.Id,
        Drift = Result.Drift,
        DriftDefaults = Plan.DriftDefaults,
    };

    private IReadOnlyList<AdapterMatrixCell> Cells(int number) =>
    [
        .. Result.Scores.Select(score => new AdapterMatrixCell
        {
            AdapterId = Plan.Adapter.Id,
            VersionNumber = score.Weights switch { ScoredWeights.Base => 0, ScoredWeights.Previous => Plan.Parent!.Number, _ => number },
            TaskId = score.TaskId,
            Score = score.Score,
            Count = score.Count,
            Low = score.Low,
            High = score.High,
            Metric = score.Metric,
        }),
    ];

    private async Task AddEventsAsync(ServiceDbContext database, AdapterVersion version, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var scores = Result.Scores.Select(score => new
        {
            task = score.TaskId,
            weights = WireName.Of(score.Weights),
            score = score.Score,
            n = score.Count,
            low = score.Low,
            high = score.High,
            metric = score.Metric,
        });
        await database.AppendEventAsync(Plan.Task.Id, TaskEventTypes.Evaluated, new { scores }, now, cancellationToken);
        var serving = new { Result.Serving.Tokens, Result.Serving.Difference, Result.Serving.NoiseFloor, Result.Serving.Tolerance };
        var gate = Result.Gate is not { } found ? null : new { verdict = WireName.Of(found.Verdict), reasons = found.Criteria.Select(each => each.Reason).OfType<string>().Take(MostReasons) };
        await database.AppendEventAsync(
            Plan.Task.Id,
            version.Refused ? TaskEventTypes.GateRefused : TaskEventTypes.Published,
            new { version = version.Number, version.Sha256, version.TaskIndex, version.Lambda, gate, serving },
            now,
            cancellationToken);
        if (!version.Refused) await database.AppendDriftAlarmsAsync(version, Plan.Task.Id, now, cancellationToken);
        await database.AppendEventAsync(Plan.Task.Id, TaskEventTypes.Succeeded, new { version = version.Number }, now, cancellationToken);
    }
}
