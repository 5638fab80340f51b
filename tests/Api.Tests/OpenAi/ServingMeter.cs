using System.Diagnostics.Metrics;
using ContinualService.Infrastructure.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace ContinualService.Api.Tests.OpenAi;

/// <summary>Listens to what one service counts from now on. Names without their common beginning.</summary>
internal sealed class ServingMeter : IDisposable
{
    private const string Prefix = "continual.serving.";
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, long> _values = []; // under a lock of its own

    public ServingMeter(IServiceProvider services)
    {
        var meter = services.GetRequiredService<IMeterFactory>().CreateServiceMeter();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == meter && instrument.Name.StartsWith(Prefix, StringComparison.Ordinal)) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>(Note);
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, state) => Note(instrument, value, tags, state));
        _listener.Start();
    }

    /// <summary>A counter's sum, or a gauge's value now, of everything with this tag.</summary>
    public long Read(string name, string tag)
    {
        lock (_values)
        {
            // Gauges say what is; only counters add up.
            foreach (var gauge in _values.Keys.Where(key => key.StartsWith('=')).ToList()) _values.Remove(gauge);
        }

        _listener.RecordObservableInstruments();
        lock (_values) return _values.GetValueOrDefault($"={name} {tag}") + _values.GetValueOrDefault($"+{name} {tag}");
    }

    /// <summary>Whether a counter has been heard of, with 0 or more.</summary>
    public bool Knows(string name, string tag)
    {
        lock (_values) return _values.ContainsKey($"+{name} {tag}");
    }

    public void Dispose() => _listener.Dispose();

    private void Note(Instrument instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        var kind = instrument.IsObservable ? '=' : '+';
        lock (_values)
        {
            foreach (var tag in tags)
            {
                var key = $"{kind}{instrument.Name[Prefix.Length..]} {tag.Value}";
                _values[key] = _values.GetValueOrDefault(key) + value;
            }
        }
    }
}
