using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace ContinualService.Infrastructure.Health;

/// <summary>
/// Looks at every dependency at once, each for at most <see cref="Limit"/>. What exactly a server said goes to the log, when the state changes, because
/// anybody may ask.
/// </summary>
public sealed partial class Readiness(IEnumerable<DependencyCheck> checks, TimeProvider time, ILogger<Readiness> logger)
{
    /// <summary>Shorter than the probes in deploy/ wait for an answer.</summary>
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    // However many ask, the servers behind are asked once in this time.
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(1);

    private readonly IReadOnlyList<DependencyCheck> _checks = [.. checks];
    private readonly HashSet<string> _failing = [];
    private readonly Lock _gate = new();
    private Task<ReadinessReport>? _latest;
    private long _began;

    /// <summary>Never throws; the answer is at most a second old.</summary>
    public Task<ReadinessReport> CheckAsync()
    {
        lock (_gate)
        {
            if (_latest is { } latest && (!latest.IsCompleted || time.GetElapsedTime(_began) < KeptFor)) return latest;
            _began = time.GetTimestamp();
            return _latest = CheckAllAsync();
        }
    }

    private async Task<ReadinessReport> CheckAllAsync()
    {
        var states = await Task.WhenAll(_checks.Select(StateAsync));
        var dependencies = _checks.Zip(states).ToDictionary(pair => pair.First.Name, pair => pair.Second);
        var isReady = _checks.Zip(states).All(pair => !pair.First.IsEssential || pair.Second.Status == ReadinessReport.Ready);
        return new ReadinessReport(isReady ? ReadinessReport.Ready : ReadinessReport.Unavailable, dependencies);
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Whatever a dependency throws means that it is not ready.")]
    private async Task<DependencyState> StateAsync(DependencyCheck check)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        try
        {
            // A client that blocks, or does not heed the token, must not hold up the answer.
            var fault = await Task.Run(() => check.FindFaultAsync(limit.Token), CancellationToken.None).WaitAsync(limit.Token);
            if (fault is null) return Good(check);
            return Bad(check, fault, null);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return Bad(check, FormattableString.Invariant($"It did not answer within {Limit.TotalSeconds} seconds. {check.Advice}"), null);
        }
        catch (Exception fault)
        {
            return Bad(check, check.Advice, fault);
        }
    }

    private DependencyState Good(DependencyCheck check)
    {
        if (Changed(check.Name, failing: false)) LogRecovered(check.Name);
        return new DependencyState(ReadinessReport.Ready);
    }

    private DependencyState Bad(DependencyCheck check, string detail, Exception? fault)
    {
        if (Changed(check.Name, failing: true)) LogFailing(fault, check.Name, detail);
        return new DependencyState(ReadinessReport.Unavailable, detail);
    }

    private bool Changed(string name, bool failing)
    {
        lock (_failing) return failing ? _failing.Add(name) : _failing.Remove(name);
    }

    [LoggerMessage(3000, LogLevel.Warning, "Dependency {Dependency} is not ready: {Detail}")]
    private partial void LogFailing(Exception? exception, string dependency, string detail);

    [LoggerMessage(3001, LogLevel.Information, "Dependency {Dependency} is ready again")]
    private partial void LogRecovered(string dependency);
}
