using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using ContinualService.Domain.Adapters;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Telemetry;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Serving;

/// <summary>
/// Keeps the live versions of pinned adapters in memory, in every process of the API. A pin is what a request has too, a hold on resolved weights, but one that
/// stays: what is held is never dropped to make room. When live moves, the new version is loaded before the old one is let go.
/// </summary>
internal sealed partial class PinnedAdapters : BackgroundService
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    // After a failure: a base that is gone or damaged weights do not mend within a second.
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(30);

    private readonly IServiceScopeFactory _scopes;
    private readonly ServingOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<PinnedAdapters> _log;
    private readonly Dictionary<string, Pin> _held = []; // by adapter; read by the gauge, so under its own lock
    private readonly HashSet<string> _models = []; // under the same lock; one that had a pin keeps its 0: a gauge that vanishes looks like a lost process
    private readonly Dictionary<string, (string Sha256, DateTimeOffset Until)> _failed = [];

    public PinnedAdapters(IServiceScopeFactory scopes, IOptions<ServingOptions> options, TimeProvider time, IMeterFactory meters, ILogger<PinnedAdapters> log)
    {
        (_scopes, _options, _time, _log) = (scopes, options.Value, time, log);
        meters.CreateServiceMeter().CreateObservableGauge("continual.serving.pinned_adapters", Count, description: "Pinned adapters whose live version is held in memory.");
    }

    private sealed record Pin(string Model, string Sha256, ServedModel Weights);

    private sealed record Wish(string TenantId, string AdapterId, string Model, string Sha256);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            using var timer = new PeriodicTimer(LookAgain, _time);
            do await LookAsync(stoppingToken);
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
        finally
        {
            foreach (var adapterId in _held.Keys.ToList()) LetGo(adapterId);
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var scope = _scopes.CreateAsyncScope();
            var wishes = await WishesAsync(scope.ServiceProvider.GetRequiredService<ServiceDbContext>(), cancellationToken);
            foreach (var gone in _held.Keys.Except(wishes.Select(wish => wish.AdapterId)).ToList()) LetGo(gone);
            var resolver = scope.ServiceProvider.GetRequiredService<ServedModelResolver>();
            foreach (var wish in wishes.Where(IsDue)) await TakeAsync(resolver, wish, cancellationToken);
        }
        catch (Exception fault) when (fault is DbException or InvalidOperationException or TimeoutException) // the database does not answer: what is held stays
        {
            LogNoDatabase(_log, fault);
        }
    }

    /// <summary>The versions to hold. Who pinned first goes first where they are more than there are places.</summary>
    private Task<List<Wish>> WishesAsync(ServiceDbContext database, CancellationToken cancellationToken) =>
        database.Adapters.AsNoTracking().Where(row => row.PinnedAt != null && row.DeletedAt == null)
            .OrderBy(row => row.PinnedAt).ThenBy(row => row.Id).Take(_options.PinnedPlaces)
            .Join(database.Aliases.Where(alias => alias.Name == AdapterAlias.Live), row => row.Id, alias => alias.AdapterId, (row, alias) => new { row, alias.VersionNumber })
            .Join(database.Versions, pair => new { AdapterId = pair.row.Id, Number = pair.VersionNumber }, version => new { version.AdapterId, version.Number },
                (pair, version) => new Wish(pair.row.TenantId, pair.row.Id, pair.row.Model, version.Sha256))
            .ToListAsync(cancellationToken);

    private bool IsDue(Wish wish)
    {
        if (_held.TryGetValue(wish.AdapterId, out var pin) && pin.Sha256 == wish.Sha256) return false;
        return !(_failed.TryGetValue(wish.AdapterId, out var failure) && failure.Sha256 == wish.Sha256 && _time.GetUtcNow() < failure.Until);
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "An adapter that cannot be loaded, whatever it fails of, keeps no other from its place and ends no service.")]
    private async Task TakeAsync(ServedModelResolver resolver, Wish wish, CancellationToken cancellationToken)
    {
        try
        {
            var weights = await resolver.ResolveAsync(wish.TenantId, $"{wish.AdapterId}@sha256:{wish.Sha256}", cancellationToken);
            LetGo(wish.AdapterId);
            lock (_held)
            {
                _held[wish.AdapterId] = new Pin(wish.Model, wish.Sha256, weights);
                _models.Add(wish.Model);
            }

            _failed.Remove(wish.AdapterId);
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
        {
            _failed[wish.AdapterId] = (wish.Sha256, _time.GetUtcNow() + TryAgain);
            LogFailed(_log, wish.AdapterId, fault);
        }
    }

    private void LetGo(string adapterId)
    {
        Pin? pin;
        lock (_held) _held.Remove(adapterId, out pin);
        pin?.Weights.Dispose();
    }

    private List<Measurement<int>> Count()
    {
        lock (_held) return [.. _models.Select(model => new Measurement<int>(_held.Values.Count(pin => pin.Model == model), new KeyValuePair<string, object?>("model", model)))];
    }

    [LoggerMessage(1030, LogLevel.Warning, "The pinned adapter {AdapterId} is not in memory; the next try is in half a minute")]
    private static partial void LogFailed(ILogger logger, string adapterId, Exception fault);

    [LoggerMessage(1031, LogLevel.Warning, "Pinned adapters were not looked for; the next look goes on")]
    private static partial void LogNoDatabase(ILogger logger, Exception fault);
}
