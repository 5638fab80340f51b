using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Upkeep;

/// <summary>Reads every object that a row names and compares its bytes with its name: after a restore it tells whether database and store belong together.</summary>
public sealed class ObjectVerifier(IDbContextFactory<ServiceDbContext> contexts, IObjectStore objects)
{
    private const int BatchSize = 500;

    /// <summary>One pass over all named objects, each read once.</summary>
    /// <param name="damaged">Hears of each object that is missing or altered: what is wrong with it, and who names it.</param>
    /// <param name="cancellationToken">Ends the pass.</param>
    /// <exception cref="ObjectStoreUnavailableException">The store does not answer.</exception>
    public async Task<VerificationReport> VerifyAsync(Action<string, IReadOnlyList<string>> damaged, CancellationToken cancellationToken)
    {
        var report = new VerificationReport(0, 0, 0);
        var last = "";
        while (await NextAsync(last, cancellationToken) is { Count: > 0 } batch)
        {
            foreach (var sha256 in batch)
            {
                try
                {
                    report = report with { Objects = report.Objects + 1, Bytes = report.Bytes + await ReadAsync(sha256, cancellationToken) };
                }
                catch (ObjectDamagedException fault)
                {
                    var namers = await NamersAsync(sha256, cancellationToken);
                    // A checkpoint may have been replaced since it was looked up.
                    if (namers.Count == 0) continue;
                    report = report with { Objects = report.Objects + 1, Damaged = report.Damaged + 1 };
                    damaged(fault.Message, namers);
                }
            }

            last = batch[^1];
        }

        return report;
    }

    private async Task<List<string>> NextAsync(string after, CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        return await database.NamedObjects().Where(sha256 => string.Compare(sha256, after) > 0).Distinct().OrderBy(sha256 => sha256).Take(BatchSize).ToListAsync(cancellationToken);
    }

    // The stream compares the hash at its end.
    private async Task<long> ReadAsync(string sha256, CancellationToken cancellationToken)
    {
        await using var content = await objects.OpenReadAsync(sha256, cancellationToken);
        await content.CopyToAsync(Stream.Null, cancellationToken);
        return content.Position;
    }

    private async Task<IReadOnlyList<string>> NamersAsync(string sha256, CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        return await database.NamersAsync(sha256, cancellationToken);
    }
}
