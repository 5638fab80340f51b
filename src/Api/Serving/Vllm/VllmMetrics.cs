using System.Diagnostics.Metrics;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>What this process does on the fleet, per server under the tags <c>server</c> and <c>model</c>.</summary>
internal sealed class VllmMetrics
{
    private readonly Counter<long> _loads;
    private readonly Counter<long> _unloads;
    private readonly Counter<long> _failures;
    private IReadOnlyList<VllmServer> _servers = [];

    public VllmMetrics(Meter meter)
    {
        _loads = meter.CreateCounter<long>("continual.serving.fleet_loads", description: "Adapters loaded on a vLLM server.");
        _unloads = meter.CreateCounter<long>("continual.serving.fleet_unloads", description: "Adapters unloaded from a vLLM server.");
        _failures = meter.CreateCounter<long>("continual.serving.fleet_failures", description: "Times that a vLLM server could not be reached, broke off or refused.");
        meter.CreateObservableGauge("continual.serving.fleet_requests", () => Observe(server => server.InFlight), description: "Sequences in flight on a vLLM server.");
        meter.CreateObservableGauge("continual.serving.fleet_adapters", () => Observe(server => server.Adapters), description: "Adapters of this process on a vLLM server.");
        meter.CreateObservableGauge("continual.serving.fleet_up", () => Observe(server => server.Health.IsAway ? 0 : 1), description: "Whether a vLLM server answers: 1 or 0.");
    }

    /// <summary>What the gauges tell of.</summary>
    public void Watch(IReadOnlyList<VllmServer> servers) => _servers = servers;

    public void Loaded(VllmServer server) => _loads.Add(1, Tags(server));

    public void Unloaded(VllmServer server) => _unloads.Add(1, Tags(server));

    public void Failed(VllmServer server) => _failures.Add(1, Tags(server));

    private static KeyValuePair<string, object?>[] Tags(VllmServer server) => [new("server", server.Address), new("model", server.Model)];

    private IEnumerable<Measurement<int>> Observe(Func<VllmServer, int> value) => _servers.Select(server => new Measurement<int>(value(server), Tags(server)));
}
