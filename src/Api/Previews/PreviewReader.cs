using System.Text.Json;
using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Api.Tasks;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Previews;

/// <summary>Finds previews inside one tenant and shows them with their curves.</summary>
internal sealed class PreviewReader(ServiceDbContext database)
{
    public async Task<Outcome<MergePreview>> FindAsync(Adapter adapter, string id, CancellationToken cancellationToken)
    {
        var preview = await database.MergePreviews.AsNoTracking().FirstOrDefaultAsync(row => row.AdapterId == adapter.Id && row.Id == id, cancellationToken);
        if (preview is not null) return preview;
        return Problem.NotFound($"The merge preview '{id}' of '{adapter.Name}'", $"GET /adapters/{adapter.Id}/merge-previews lists them; POST there makes one.");
    }

    public async Task<PreviewResponse> ShowAsync(MergePreview preview, CancellationToken cancellationToken) => (await ShowAsync(preview.AdapterId, [preview], cancellationToken))[0];

    /// <summary>Shows previews of one adapter.</summary>
    public async Task<IReadOnlyList<PreviewResponse>> ShowAsync(string adapterId, IReadOnlyList<MergePreview> previews, CancellationToken cancellationToken)
    {
        var (ids, taskIds) = (previews.Select(row => row.Id).ToList(), previews.Select(row => row.TaskId).ToList());
        var tasks = await database.Tasks.AsNoTracking().Where(row => taskIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        var adopted = (await database.Versions.AsNoTracking().Where(row => row.AdapterId == adapterId && row.MergePreviewId != null && ids.Contains(row.MergePreviewId))
            .OrderBy(row => row.Number).Select(row => new { row.MergePreviewId, row.Number }).ToListAsync(cancellationToken)).ToLookup(row => row.MergePreviewId, row => row.Number);
        var cells = await database.MatrixCells.AsNoTracking().Where(row => row.AdapterId == adapterId).ToListAsync(cancellationToken);
        var paths = new Dictionary<int, IReadOnlyList<AdapterVersion>>();
        foreach (var number in previews.Select(row => row.VersionNumber).Distinct()) paths[number] = await Lineage.ToAsync(database, adapterId, number, cancellationToken);
        return [.. previews.Select(preview => Shape(preview, tasks[preview.TaskId], paths[preview.VersionNumber], cells, [.. adopted[preview.Id]]))];
    }

    private static PreviewResponse Shape(MergePreview preview, LearningTask task, IReadOnlyList<AdapterVersion> path, IReadOnlyList<AdapterMatrixCell> cells, IReadOnlyList<int> adopted)
    {
        var points = PreviewPoint.Read(preview.PointsJson);
        var policy = JsonSerializer.Deserialize<MergePolicy>(preview.PolicyJson, JsonSerializerOptions.Web)!;
        var curve = task.Status == LearningTaskStatus.Succeeded ? new MergeCurve(preview.AdapterId, [.. path.Where(version => version.TaskId is not null)], path[^1].Parent, cells).Of(points) : null;
        var merges = MergeSchedule.ReadAll(preview.LambdasJson);
        return new PreviewResponse(
            preview.Id, preview.AdapterId, preview.VersionNumber, path[^1].TaskId!, WireName.Of(task.Status), [.. merges.Select(merge => merge.Lambda).OfType<double>()],
            [.. merges.Select(merge => merge.Schedule).OfType<string>()], preview.OwnLambda,
            new PreviewProgress(task.Percent, points.Count, task.SecondsRemaining), curve?.Select(point => CurvePoint.Of(point, curve, preview.OwnLambda)).ToList(),
            curve is null ? null : ChosenLambda.Of(policy, curve, preview.OwnLambda), adopted,
            task.Failure(), task.CreatedAt);
    }
}
