using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Evaluation;
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
    // Along the lineage, in the order they were learned.
    private List<string> Tasks { get; } = [.. Plan.Learned.Select(version => version.TaskId!), Plan.Task.Id];

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
                var version = await AddVersionAsync(database, now, cancellationToken);
                await MoveLiveAsync(database, version.Number, now, cancellationToken);
                (adapter.HeadVersion, adapter.TaskCount) = (version.Number, version.TaskIndex);
                await RunRecords.EndAsync(database, task, LearningTaskStatus.Succeeded, now, cancellationToken);
                await records.CloseRunAsync(database, TaskRunOutcome.Succeeded, null, now, cancellationToken);
                (task.Percent, task.VersionNumber) = (100, version.Number);
                await AddEventsAsync(database, version, now, cancellationToken);
                published = version.Number;
            },
            cancellationToken);
        return published;
    }

    private async Task<AdapterVersion> AddVersionAsync(ServiceDbContext database, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var last = await database.Versions.Where(row => row.AdapterId == Plan.Adapter.Id).MaxAsync(row => (int?)row.Number, cancellationToken);
        var number = (last ?? 0) + 1;
        var cells = Cells(number);
        database.MatrixCells.AddRange(cells);
        var earlier = await database.MatrixCells.AsNoTracking().Where(row => row.AdapterId == Plan.Adapter.Id).ToListAsync(cancellationToken);
        List<int> lineage = [0, .. Plan.Learned.Select(version => version.Number), number];
        var matrix = Matrix([.. earlier, .. cells], lineage);
        // A cell of an imported version stands beside the formulas.
        foreach (var cell in cells.Where(cell => lineage.Contains(cell.VersionNumber))) cell.Forgetting = ContinualMetrics.Forgetting(matrix, Tasks.IndexOf(cell.TaskId) + 1, lineage.IndexOf(cell.VersionNumber));
        var version = new AdapterVersion
        {
            Id = Ids.New("ver"),
            AdapterId = Plan.Adapter.Id,
            Number = number,
            Sha256 = Adapter.Sha256,
            StateSha256 = State.Sha256,
            Parent = Plan.Parent?.Number,
            TaskId = Plan.Task.Id,
            TaskIndex = Result.TaskIndex,
            Lambda = Result.Lambda,
            SizeBytes = Adapter.SizeBytes,
            StateBytes = State.SizeBytes,
            AverageAccuracy = ContinualMetrics.AverageAccuracy(matrix),
            BackwardTransfer = ContinualMetrics.BackwardTransfer(matrix),
            Forgetting = ContinualMetrics.Forgetting(matrix),
            CreatedAt = now,
        };
        database.Versions.Add(version);
        return version;
    }

    private List<AdapterMatrixCell> Cells(int number) =>
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

    // The formulas count tasks and versions along the lineage; numbers of versions beside it do not appear.
    private AccuracyMatrix Matrix(IReadOnlyList<AdapterMatrixCell> cells, List<int> lineage) => new(Tasks, cells
        .Where(cell => Tasks.Contains(cell.TaskId) && lineage.Contains(cell.VersionNumber))
        .Select(cell => cell.At(Tasks.IndexOf(cell.TaskId) + 1, lineage.IndexOf(cell.VersionNumber))));

    private async Task MoveLiveAsync(ServiceDbContext database, int number, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var live = await database.Aliases.SingleOrDefaultAsync(row => row.AdapterId == Plan.Adapter.Id && row.Name == AdapterAlias.Live, cancellationToken);
        database.AliasChanges.Add(new AliasChange
        {
            Id = Ids.New("chg"),
            AdapterId = Plan.Adapter.Id,
            Alias = AdapterAlias.Live,
            FromVersion = live?.VersionNumber,
            ToVersion = number,
            Actor = Plan.Task.Id,
            ChangedAt = now,
        });
        if (live is null) database.Aliases.Add(live = new AdapterAlias { AdapterId = Plan.Adapter.Id, Name = AdapterAlias.Live });
        (live.VersionNumber, live.UpdatedAt) = (number, now);
    }

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
        await database.AppendEventAsync(
            Plan.Task.Id,
            TaskEventTypes.Published,
            new { version = version.Number, version.Sha256, version.TaskIndex, version.Lambda, serving = new { Result.Serving.Tokens, Result.Serving.Difference, Result.Serving.NoiseFloor, Result.Serving.Tolerance } },
            now,
            cancellationToken);
        await database.AppendEventAsync(Plan.Task.Id, TaskEventTypes.Succeeded, new { version = version.Number }, now, cancellationToken);
    }
}
