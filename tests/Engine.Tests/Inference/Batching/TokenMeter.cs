using System.Diagnostics.Metrics;
using ContinualService.Engine.Inference.Batching;

namespace ContinualService.Engine.Tests.Inference.Batching;

/// <summary>Listens to what an engine counts.</summary>
internal sealed class TokenMeter : IDisposable
{
    private readonly Meter _meter = new("tokens");
    private readonly MeterListener _listener = new();
    private long _cached;
    private long _prompt;
    private long _preempted;

    public TokenMeter()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == _meter) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (instrument.Name == "continual.serving.preempted") Interlocked.Add(ref _preempted, value);
            if (instrument.Name != "continual.serving.tokens") return;
            foreach (var tag in tags)
            {
                if (Equals(tag.Value, "cached")) Interlocked.Add(ref _cached, value);
                if (Equals(tag.Value, "prompt")) Interlocked.Add(ref _prompt, value);
            }
        });
        Metrics = new BatchMetrics(_meter);
        _listener.Start();
    }

    public BatchMetrics Metrics { get; }

    /// <summary>Prompt tokens taken over from earlier requests.</summary>
    public long Cached => Interlocked.Read(ref _cached);

    /// <summary>Prompt tokens computed.</summary>
    public long Prompt => Interlocked.Read(ref _prompt);

    /// <summary>Sequences that gave their memory back.</summary>
    public long Preempted => Interlocked.Read(ref _preempted);

    public void Dispose()
    {
        _listener.Dispose();
        _meter.Dispose();
    }
}
