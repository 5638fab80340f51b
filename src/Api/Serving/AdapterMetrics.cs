using System.Diagnostics.Metrics;

namespace ContinualService.Api.Serving;

/// <summary>What comes into memory and goes out of it, per base model under the tag <c>model</c>. Safe to use from many threads.</summary>
internal sealed class AdapterMetrics
{
    private readonly Counter<long> _loads;
    private readonly Counter<long> _evictions;
    private readonly Dictionary<string, int> _resident = []; // a model that had one keeps its 0: a gauge that vanishes looks like a lost process

    public AdapterMetrics(Meter meter)
    {
        _loads = meter.CreateCounter<long>("continual.serving.adapter_loads", description: "Adapters read from the object store into memory.");
        _evictions = meter.CreateCounter<long>("continual.serving.adapter_evictions", description: "Adapters dropped from memory to make room for others.");
        meter.CreateObservableGauge("continual.serving.resident_adapters", Resident, description: "Adapters in memory, in use or kept for the next request.");
    }

    public void Loaded(string model)
    {
        _loads.Add(1, Tag(model));
        // A counter that appears with its first event hides that event from whoever looks at its growth.
        _evictions.Add(0, Tag(model));
        lock (_resident) _resident[model] = _resident.GetValueOrDefault(model) + 1;
    }

    public void Evicted(string model)
    {
        _evictions.Add(1, Tag(model));
        lock (_resident) _resident[model]--;
    }

    private static KeyValuePair<string, object?> Tag(string model) => new("model", model);

    private List<Measurement<int>> Resident()
    {
        lock (_resident) return [.. _resident.Select(pair => new Measurement<int>(pair.Value, Tag(pair.Key)))];
    }
}
