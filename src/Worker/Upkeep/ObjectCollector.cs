using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker.Upkeep;

/// <summary>
/// Deletes objects that no row names: what a crash left between bytes and row, and checkpoints of finished tasks. Whoever stores bytes renews their age first and
/// writes the row that names them afterwards; so an object that is old and unnamed is on its way to no row, and this is looked at in that order:
/// <list type="number">
/// <item>list the store, and keep the old;</item>
/// <item>of a batch of these, keep what no row names;</item>
/// <item>for each one alone, directly before its deletion, ask once more for rows, and last for its age: whoever put the same bytes meanwhile has renewed it.</item>
/// </list>
/// Between the last question and the deletion lie milliseconds, which no store can close; who puts the very same bytes just then is the only one who could lose them.
/// </summary>
public sealed class ObjectCollector(
    IDbContextFactory<ServiceDbContext> contexts, IObjectStore objects, IOptions<CollectOptions> options, TimeProvider time, ILogger<ObjectCollector> logger)
{
    private const int BatchSize = 500;
    // Read here, so that a setting out of range ends a command before it has begun.
    private readonly TimeSpan _collectAfter = options.Value.CollectAfter;

    /// <summary>One pass. Any number may run at once: they only find less to do.</summary>
    /// <param name="dryRun">True: nothing is deleted.</param>
    /// <param name="collected">Hears of each object that is, or would be, deleted.</param>
    /// <param name="cancellationToken">Ends the pass between two objects.</param>
    /// <exception cref="ObjectStoreUnavailableException">The store does not answer; what was deleted so far is in the log.</exception>
    public async Task<CollectionReport> CollectAsync(bool dryRun, Action<StoredObjectInfo>? collected, CancellationToken cancellationToken)
    {
        var report = new CollectionReport();
        try
        {
            // Step 1: list. Only one batch is held in memory, however many objects there are.
            var batch = new List<StoredObjectInfo>(BatchSize);
            await foreach (var found in objects.ListAsync(cancellationToken).WithCancellation(cancellationToken))
            {
                report.Listed++;
                report.ListedBytes += found.SizeBytes;
                if (!IsOld(found)) continue;
                batch.Add(found);
                if (batch.Count < BatchSize) continue;
                await CollectAsync(batch, dryRun, collected, report, cancellationToken);
                batch.Clear();
            }

            await CollectAsync(batch, dryRun, collected, report, cancellationToken);
            return report;
        }
        finally
        {
            logger.Collected(report.Listed, report.ListedBytes, report.Collected, report.CollectedBytes, report.Failed, dryRun);
        }
    }

    private async Task CollectAsync(List<StoredObjectInfo> batch, bool dryRun, Action<StoredObjectInfo>? collected, CollectionReport report, CancellationToken cancellationToken)
    {
        // Step 2: look up the batch.
        if (batch.Count == 0) return;
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        var named = await database.NamedAmongAsync(batch.ConvertAll(found => found.Sha256), cancellationToken);
        foreach (var candidate in batch.Where(found => !named.Contains(found.Sha256)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                // Step 3: ask again, then delete.
                if ((await database.NamedAmongAsync([candidate.Sha256], cancellationToken)).Count > 0) continue;
                if (await objects.StatAsync(candidate.Sha256, cancellationToken) is not { } present || !IsOld(present)) continue;
                if (!dryRun) await objects.DeleteAsync(candidate.Sha256, cancellationToken);
                report.Collected++;
                report.CollectedBytes += present.SizeBytes;
                collected?.Invoke(present);
            }
            catch (Exception fault) when (fault is IOException and not ObjectStoreUnavailableException or UnauthorizedAccessException)
            {
                // One file that cannot be deleted keeps nobody from the rest; a store that does not answer ends the pass.
                report.Failed++;
                logger.NotCollected(fault, candidate.Sha256);
            }
        }
    }

    private bool IsOld(StoredObjectInfo found) => found.LastModified <= time.GetUtcNow() - _collectAfter;
}
