using System.Data.Common;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>Looks at every server again and again: which of them answer, what they have loaded, and which of it is to go because its adapter was deleted.</summary>
internal sealed class VllmWatch(
    VllmFleet fleet, VllmFolder folder, IDbContextFactory<ServiceDbContext> contexts, IOptions<VllmOptions> options, TimeProvider time, ILogger<VllmWatch> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.WatchSeconds), time);
        do
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (Exception fault) when (fault is DbException or DbUpdateException or InvalidOperationException or TimeoutException or IOException or UnauthorizedAccessException or VllmException)
            {
                logger.LookFailed(fault); // the database, the folder or a server: what is left is done at the next look
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(fleet.Servers.Select(server => server.LookAsync()));
        await DropDeletedAsync(cancellationToken);
        if (fleet.Servers.All(server => server.WasSeen)) folder.Tidy();
        // An owner's files may go only when no server can need them.
        if (fleet.Servers.Any(server => server.Health.IsAway)) return;
        await folder.ClearAbandonedAsync(owner => Task.WhenAll(fleet.Servers.Select(server => server.ClearAsync(owner))));
    }

    private async Task DropDeletedAsync(CancellationToken cancellationToken)
    {
        var loaded = fleet.Servers.SelectMany(server => server.Names.Select(name => (server, name, VllmName.Parse(name)!.Value.AdapterId))).ToList();
        if (loaded.Count == 0) return;
        var ids = loaded.Select(item => item.AdapterId).Distinct().ToList();
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        var living = await database.Adapters.AsNoTracking().Where(row => ids.Contains(row.Id) && row.DeletedAt == null).Select(row => row.Id).ToListAsync(cancellationToken);
        foreach (var (server, name, _) in loaded.Where(item => !living.Contains(item.AdapterId))) await server.DropAsync(name);
    }
}
