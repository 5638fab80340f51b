using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using ContinualService.Domain;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace ContinualService.Infrastructure.Telemetry;

/// <summary>
/// Gauges of what stands in the database. They are read when somebody asks for metrics, and kept for some seconds. While the database does not answer there
/// are none: old numbers would look like news.
/// </summary>
public sealed partial class QueueGauges : IDisposable
{
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private readonly IDbContextFactory<ServiceDbContext> _contexts;
    private readonly TimeProvider _time;
    private readonly ILogger<QueueGauges> _logger;
    private readonly SemaphoreSlim _turn = new(1);
    private volatile QueueState? _state;
    private long? _readAt;

    public QueueGauges(IMeterFactory meters, IDbContextFactory<ServiceDbContext> contexts, TimeProvider time, ILogger<QueueGauges> logger)
    {
        (_contexts, _time, _logger) = (contexts, time, logger);
        var meter = meters.CreateServiceMeter();
        meter.CreateObservableGauge("continual.tasks", Tasks, description: "Tasks by state and tenant class.");
        meter.CreateObservableGauge("continual.queue.depth", () => Each<long>(state => [new(state.Waiting)]), description: "Tasks that wait for a worker.");
        meter.CreateObservableGauge("continual.queue.oldest_age", () => Each<double>(state => [new(Age(state))]), "s", "How long the task has waited that has waited longest.");
        meter.CreateObservableGauge("continual.workers", () => Each<long>(state => [Of(state.Busy, "busy"), Of(state.Idle, "idle")]), description: "Living workers.");
        meter.CreateObservableGauge("continual.last_merge.forgetting", Forgetting, description: "Forgetting of the version published last, 0 to 1 for accuracies.");
    }

    /// <summary>Reads the database unless that was done just now; never throws for its sake.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Metrics of this process are of use also without the database.")]
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_readAt is { } readAt && _time.GetElapsedTime(readAt) < KeptFor) return;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(Limit);
            await using var database = await _contexts.CreateDbContextAsync(limit.Token);
            _state = await QueueState.ReadAsync(database, _time.GetUtcNow(), limit.Token);
            _readAt = _time.GetTimestamp();
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
        {
            (_state, _readAt) = (null, _time.GetTimestamp());
            LogUnread(fault);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private static Measurement<long> Of(long count, string state) => new(count, new KeyValuePair<string, object?>("state", state));

    private IEnumerable<Measurement<long>> Tasks() => Each(state => state.Tasks.Select(each => new Measurement<long>(
        each.Value, new KeyValuePair<string, object?>("state", WireName.Of(each.Key.Status)), new KeyValuePair<string, object?>("tenant_class", each.Key.Class))));

    private IEnumerable<Measurement<double>> Forgetting() =>
        Each(state => state.Forgetting.Select(each => new Measurement<double>(each.Value, new KeyValuePair<string, object?>("tenant_class", each.Key))));

    private double Age(QueueState state) => state.WaitingSince is { } since ? Math.Max(0, (_time.GetUtcNow() - since).TotalSeconds) : 0;

    private IEnumerable<Measurement<T>> Each<T>(Func<QueueState, IEnumerable<Measurement<T>>> measure)
        where T : struct => _state is { } state ? measure(state) : [];

    [LoggerMessage(3010, LogLevel.Warning, "The gauges of tasks and workers could not be read from the database; they are left out")]
    private partial void LogUnread(Exception exception);
}
