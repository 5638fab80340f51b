using System.Diagnostics.Metrics;
using ContinualService.Domain;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Telemetry;

namespace ContinualService.Worker.Runs;

/// <summary>What this process's runs measure. Counters are there with 0 from the start: an alert cannot see the rise of what was absent.</summary>
internal sealed class RunMetrics
{
    /// <summary>The reason of a run whose worker died and whose task another worker's sweep found.</summary>
    public const string WorkerLost = "worker_lost";

    private static readonly string[] Reasons = [.. Enum.GetValues<TaskFailureCode>().Select(WireName.Of), WorkerLost];

    private readonly Histogram<double> _taskDuration;
    private readonly Histogram<double> _stepDuration;
    private readonly Histogram<double> _mergeDuration;
    private readonly Histogram<long> _versionSize;
    private readonly long[] _failures = new long[Reasons.Length];
    private long _tokens;
    private long _leasesLost;

    public RunMetrics(IMeterFactory meters)
    {
        var meter = meters.CreateServiceMeter();
        _taskDuration = Histogram(meter, "continual.task.duration", "From the start of a task's last run to the task's end.", [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400]);
        _stepDuration = Histogram(meter, "continual.step.duration", "One optimiser update.", [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]);
        _mergeDuration = Histogram(meter, "continual.merge.duration", "Merging a task into the adapter.", [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]);
        _versionSize = meter.CreateHistogram("continual.version.size", "By", "Served weights of a published version.", advice: new InstrumentAdvice<long>
        {
            HistogramBucketBoundaries = [1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26, 1 << 28, 1 << 30, 1L << 32],
        });
        meter.CreateObservableCounter("continual.tokens", () => Interlocked.Read(ref _tokens), description: "Tokens trained on.");
        meter.CreateObservableCounter("continual.lease.lost", () => Interlocked.Read(ref _leasesLost), description: "Runs that found another worker on their adapter.");
        meter.CreateObservableCounter("continual.run.failures", Failures, description: "Runs that ended without a result, by reason.");
    }

    public void Step(double? seconds, long tokens)
    {
        if (seconds is { } known) _stepDuration.Record(known);
        Interlocked.Add(ref _tokens, tokens);
    }

    public void Merged(double seconds) => _mergeDuration.Record(seconds);

    public void Published(long sizeBytes) => _versionSize.Record(sizeBytes);

    public void TaskEnded(LearningTaskStatus outcome, TimeSpan duration) =>
        _taskDuration.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("outcome", WireName.Of(outcome)));

    public void LeaseLost() => Interlocked.Increment(ref _leasesLost);

    public void RunFailed(string reason) => Interlocked.Increment(ref _failures[Array.IndexOf(Reasons, reason)]);

    private static Histogram<double> Histogram(Meter meter, string name, string description, IReadOnlyList<double> boundaries) =>
        meter.CreateHistogram(name, "s", description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = boundaries });

    private IEnumerable<Measurement<long>> Failures() =>
        Reasons.Select((reason, index) => new Measurement<long>(Interlocked.Read(ref _failures[index]), new KeyValuePair<string, object?>("reason", reason)));
}
