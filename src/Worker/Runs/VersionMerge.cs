using ContinualService.Domain.Adapters;
using ContinualService.Domain.Previews;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Runs;

/// <summary>How a version's last task was merged.</summary>
public static class VersionMerge
{
    /// <summary>Its one lambda, or the schedule of the point that it was adopted from: a preview knows its points by their digests.</summary>
    public static async Task<MergeSchedule> OfAsync(ServiceDbContext database, AdapterVersion version, CancellationToken cancellationToken)
    {
        if (version.MergePreviewId is not { } id) return MergeSchedule.Of(version.Lambda);
        var points = PreviewPoint.Read(await database.MergePreviews.Where(row => row.Id == id).Select(row => row.PointsJson).SingleAsync(cancellationToken));
        return points.First(point => point.Sha256 == version.Sha256 && point.StateSha256 == version.StateSha256).Merge();
    }
}
