using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace ContinualService.Worker.Runs;

/// <summary>Renews a lease for as long as a run goes on, whatever the run is busy with, and says when it is lost.</summary>
internal sealed class LeaseKeeper : IAsyncDisposable
{
    private readonly IDbContextFactory<ServiceDbContext> _contexts;
    private readonly AdapterLease _lease;
    private readonly TimeSpan _duration;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _done = new();
    private readonly Task _keeping;

    public LeaseKeeper(IDbContextFactory<ServiceDbContext> contexts, AdapterLease lease, TimeSpan duration, TimeProvider time, ILogger logger)
    {
        (_contexts, _lease, _duration, _time, _logger) = (contexts, lease, duration, time, logger);
        _keeping = Task.Run(KeepAsync);
    }

    /// <summary>Cancelled once another holder has the lease.</summary>
    public CancellationToken Lost => _lost.Token;

    public async ValueTask DisposeAsync()
    {
        await _done.CancelAsync();
        await _keeping;
        _done.Dispose();
        _lost.Dispose();
    }

    private async Task KeepAsync()
    {
        while (!_done.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(_duration / 3, _time, _done.Token);
                await using var database = await _contexts.CreateDbContextAsync(_done.Token);
                if (await _lease.RenewAsync(database, _duration, _time.GetUtcNow(), _done.Token)) continue;
                await _lost.CancelAsync();
                return;
            }
            catch (OperationCanceledException) when (_done.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                // A database that does not answer lets nobody else take the lease either; every write of the run asks again.
                _logger.RenewalFailed(fault, _lease.AdapterId);
            }
        }
    }
}
