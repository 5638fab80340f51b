using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Drift;
using ContinualService.Domain.Evaluation;
using ContinualService.Domain.Gates;
using ContinualService.Domain.Unlearnings;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Infrastructure.Database;

/// <summary>A version that is to be published: all its rows are added at once, by whoever holds the adapter's row and has looked at its head.</summary>
public sealed record NewVersion
{
    public required string AdapterId { get; init; }

    /// <summary>The versions that tasks made on the way to this one, oldest first.</summary>
    public required IReadOnlyList<AdapterVersion> Learned { get; init; }

    public required int? Parent { get; init; }

    public required string TaskId { get; init; }

    public required int TaskIndex { get; init; }

    public required double Lambda { get; init; }

    /// <summary>Null where all layers have the one lambda.</summary>
    public string? Schedule { get; init; }

    public required string Sha256 { get; init; }

    public required long SizeBytes { get; init; }

    public required string StateSha256 { get; init; }

    public required long StateBytes { get; init; }

    /// <summary>Null unless it is adopted from one.</summary>
    public string? MergePreviewId { get; init; }

    /// <summary>What the adapter's gate found; null: it has none. What it does not accept stands beside the lineage.</summary>
    public GateVerdict? Gate { get; init; }

    /// <summary>Why it is published though the gate does not accept it, and when that was said; null: the gate decides.</summary>
    public (string Reason, DateTimeOffset At)? Override { get; init; }

    /// <summary>Null unless one made it, and then how.</summary>
    public (string Id, UnlearnMode Mode)? Unlearning { get; init; }

    /// <summary>What computed it; null: not known.</summary>
    public string? EnvironmentJson { get; init; }

    /// <summary>Who moves <c>live</c>: the task's id, or that of an API key.</summary>
    public required string Actor { get; init; }

    /// <summary>How far it went from its parent, beside the scores; null: that was not measured.</summary>
    public DriftMeasures? Drift { get; init; }

    /// <summary>What may change from the parent, where the adapter says nothing else.</summary>
    public DriftLimits DriftDefaults { get; init; } = new();

    /// <summary>Adds version and cells, and, unless the gate refuses it, makes it head and <c>live</c>; the caller saves.</summary>
    /// <param name="database">In a transaction that holds the adapter's row.</param>
    /// <param name="cellsOf">What was measured, given the new version's number.</param>
    /// <param name="now">When.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<AdapterVersion> AddAsync(ServiceDbContext database, Func<int, IReadOnlyList<AdapterMatrixCell>> cellsOf, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var version = await AddBesideAsync(database, cellsOf, now, cancellationToken);
        if (!version.Refused) await database.MakeHeadAsync(version, Actor, now, cancellationToken);
        return version;
    }

    /// <summary>The same, and head and <c>live</c> stay where they are: more versions are to follow it.</summary>
    public async Task<AdapterVersion> AddBesideAsync(ServiceDbContext database, Func<int, IReadOnlyList<AdapterMatrixCell>> cellsOf, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var last = await database.Versions.Where(row => row.AdapterId == AdapterId).MaxAsync(row => (int?)row.Number, cancellationToken);
        var number = (last ?? 0) + 1;
        var cells = cellsOf(number);
        database.MatrixCells.AddRange(cells);
        var earlier = await database.MatrixCells.AsNoTracking().Where(row => row.AdapterId == AdapterId).ToListAsync(cancellationToken);
        List<int> lineage = [0, .. Learned.Select(version => version.Number), number];
        List<string> tasks = [.. Learned.Select(version => version.TaskId!), TaskId];
        // The formulas count tasks and versions along the lineage; numbers of versions beside it do not appear.
        var matrix = new AccuracyMatrix(tasks, earlier.Concat(cells)
            .Where(cell => tasks.Contains(cell.TaskId) && lineage.Contains(cell.VersionNumber))
            .Select(cell => cell.At(tasks.IndexOf(cell.TaskId) + 1, lineage.IndexOf(cell.VersionNumber))));
        // A cell of an imported version stands beside the formulas.
        foreach (var cell in cells.Where(cell => lineage.Contains(cell.VersionNumber))) cell.Forgetting = ContinualMetrics.Forgetting(matrix, tasks.IndexOf(cell.TaskId) + 1, lineage.IndexOf(cell.VersionNumber));
        var version = new AdapterVersion
        {
            Id = Ids.New("ver"),
            AdapterId = AdapterId,
            Number = number,
            Sha256 = Sha256,
            StateSha256 = StateSha256,
            Parent = Parent,
            TaskId = TaskId,
            MergePreviewId = MergePreviewId,
            Status = Gate is { Accepted: false } && Override is null ? AdapterVersion.RefusedStatus : AdapterVersion.PublishedStatus,
            GateJson = Gate?.Write(),
            OverrideReason = Override?.Reason,
            OverriddenBy = Override is null ? null : Actor,
            OverriddenAt = Override?.At,
            UnlearningId = Unlearning?.Id,
            Unlearned = Unlearning?.Mode,
            EnvironmentJson = EnvironmentJson,
            TaskIndex = TaskIndex,
            Lambda = Lambda,
            Schedule = Schedule,
            SizeBytes = SizeBytes,
            StateBytes = StateBytes,
            AverageAccuracy = ContinualMetrics.AverageAccuracy(matrix),
            BackwardTransfer = ContinualMetrics.BackwardTransfer(matrix),
            Forgetting = ContinualMetrics.Forgetting(matrix),
            CreatedAt = now,
        };
        database.Versions.Add(version);
        if (Parent is { } parent)
        {
            var policy = await database.Adapters.Where(row => row.Id == AdapterId).Select(row => row.DriftJson).SingleAsync(cancellationToken);
            version.DriftJson = DriftReport.Of(parent, earlier.Concat(cells), number, TaskId, Drift ?? new DriftMeasures(), DriftPolicy.Read(policy).Limits.Over(DriftDefaults)).Write();
        }

        return version;
    }
}
