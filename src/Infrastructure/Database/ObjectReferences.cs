using ContinualService.Domain.Adapters;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Infrastructure.Database;

/// <summary>
/// Which rows name objects of the store. The collector deletes what is not named here: whoever adds a column that names objects adds it to each of these methods.
/// </summary>
public static class ObjectReferences
{
    /// <summary>Every name that some row gives, as often as it is given.</summary>
    public static IQueryable<string> NamedObjects(this ServiceDbContext database) =>
        database.Datasets.Select(row => row.Sha256)
            .Concat(database.Files.Select(row => row.Sha256))
            .Concat(database.Versions.Select(row => row.Sha256))
            .Concat(database.Versions.Select(row => row.StateSha256))
            .Concat(database.Checkpoints.Select(row => row.Sha256));

    /// <summary>Which of these objects some row names.</summary>
    public static async Task<HashSet<string>> NamedAmongAsync(this ServiceDbContext database, IReadOnlyCollection<string> hashes, CancellationToken cancellationToken) =>
        await database.NamedObjects().Where(sha256 => hashes.Contains(sha256)).ToHashSetAsync(cancellationToken);

    /// <summary>Who names the object, in words for an operator; empty when nobody does.</summary>
    public static async Task<IReadOnlyList<string>> NamersAsync(this ServiceDbContext database, string sha256, CancellationToken cancellationToken)
    {
        var namers = new List<string>();
        foreach (var version in await database.Versions.AsNoTracking().Where(row => row.Sha256 == sha256 || row.StateSha256 == sha256).OrderBy(row => row.Id).ToListAsync(cancellationToken))
        {
            if (version.Sha256 == sha256) namers.Add($"weights of version {version.Number} of adapter {version.AdapterId}, {Maker(version)}");
            if (version.StateSha256 == sha256) namers.Add($"training state of version {version.Number} of adapter {version.AdapterId}, {Maker(version)}");
        }

        foreach (var datasetId in await database.Datasets.Where(row => row.Sha256 == sha256).OrderBy(row => row.Id).Select(row => row.Id).ToListAsync(cancellationToken))
        {
            var tasks = await database.Tasks.Where(row => row.TrainDatasetId == datasetId || row.EvaluationDatasetId == datasetId).OrderBy(row => row.Id).Select(row => row.Id).ToListAsync(cancellationToken);
            namers.Add(tasks.Count == 0 ? $"rows of data set {datasetId}, which no task uses" : $"rows of data set {datasetId}, used by {string.Join(", ", tasks)}");
        }

        var files = await database.Files.Where(row => row.Sha256 == sha256).OrderBy(row => row.Id).Select(row => row.Id).ToListAsync(cancellationToken);
        namers.AddRange(files.Select(fileId => $"bytes of file {fileId}, which its owner can send again"));
        var checkpoints = await database.Checkpoints.Where(row => row.Sha256 == sha256).OrderBy(row => row.TaskId).Select(row => row.TaskId).ToListAsync(cancellationToken);
        namers.AddRange(checkpoints.Select(taskId => $"checkpoint of task {taskId}, which starts from its beginning without it"));
        return namers;
    }

    private static string Maker(AdapterVersion version) => version.TaskId is { } taskId ? $"made by task {taskId}" : "imported";
}
