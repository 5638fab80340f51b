using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;

namespace ContinualService.Api;

/// <summary>The command line <c>prepare</c>: what must be there before the first process starts, for deployments whose processes may not make it themselves.</summary>
internal static class PrepareCommand
{
    public const string Name = "prepare";

    /// <summary>Brings database and queue to this program's model and makes the bucket where it is missing; safe to repeat. Returns the exit code.</summary>
    public static async Task<int> RunAsync(IServiceProvider services, TextWriter output)
    {
        await services.GetRequiredService<DatabaseMigrator>().MigrateAsync(CancellationToken.None);
        await output.WriteLineAsync("The database is up to date.");
        await services.GetRequiredService<IObjectStore>().EnsureBucketAsync(CancellationToken.None);
        await output.WriteLineAsync("The object store is there.");
        return 0;
    }
}
