using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ContinualService.Engine.Inference.Batching;

/// <summary>What the engines of a process measure of themselves, under the tag <c>model</c>. Safe to use from many threads.</summary>
public sealed class BatchMetrics
{
    private readonly Histogram<double> _firstToken;
    private readonly Histogram<double> _step;
    private readonly Histogram<int> _rows;
    private readonly Counter<long> _tokens;
    private readonly Counter<long> _preempted;
    private readonly Counter<long> _slotLoads;
    private readonly List<(string Model, Func<BatchLoad> Read)> _engines = [];

    /// <param name="meter">Where the instruments go.</param>
    public BatchMetrics(Meter meter)
    {
        _firstToken = Seconds(meter, "continual.serving.first_token", "From a request's arrival to its first token.", [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]);
        _step = Seconds(meter, "continual.serving.step", "One forward pass with all that belongs to it.", [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]);
        _rows = meter.CreateHistogram("continual.serving.batch", "{sequence}", "Sequences that shared a step.", advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128] });
        _tokens = meter.CreateCounter<long>("continual.serving.tokens", "{token}", "Tokens by kind: generated, prompt (computed), cached (prompt, taken over from an earlier request).");
        _preempted = meter.CreateCounter<long>("continual.serving.preempted", description: "Running sequences that gave their memory to older ones and began their cache anew.");
        _slotLoads = meter.CreateCounter<long>("continual.serving.slot_loads", description: "Adapters copied into a slot of the batch.");
        meter.CreateObservableGauge("continual.serving.sequences", Sequences, description: "Sequences by state: running, waiting.");
        meter.CreateObservableGauge("continual.serving.slots_used", () => Each(load => load.Slots), description: "Slots of the batch that hold an adapter.");
        meter.CreateObservableGauge("continual.serving.cache_tokens", () => Each(load => load.CacheTokens), description: "Tokens whose keys and values are in memory.");
    }

    internal void Add(string model, Func<BatchLoad> read)
    {
        lock (_engines) _engines.Add((model, read));
        // A counter that appears with its first event hides that event from whoever looks at its growth.
        foreach (var kind in (string[])["generated", "prompt", "cached"]) Tokens(model, kind, 0);
        foreach (var counter in (Counter<long>[])[_preempted, _slotLoads]) counter.Add(0, Tag(model));
    }

    internal void Remove(Func<BatchLoad> read)
    {
        lock (_engines) _engines.RemoveAll(engine => engine.Read == read);
    }

    internal void FirstToken(string model, TimeSpan waited) => _firstToken.Record(waited.TotalSeconds, Tag(model));

    internal void Step(string model, int rows, TimeSpan took, int generated, int prompt)
    {
        _step.Record(took.TotalSeconds, Tag(model));
        _rows.Record(rows, Tag(model));
        if (generated > 0) Tokens(model, "generated", generated);
        if (prompt > 0) Tokens(model, "prompt", prompt);
    }

    internal void Cached(string model, int tokens)
    {
        if (tokens > 0) Tokens(model, "cached", tokens);
    }

    internal void Preempted(string model) => _preempted.Add(1, Tag(model));

    internal void SlotLoads(string model, long count)
    {
        if (count > 0) _slotLoads.Add(count, Tag(model));
    }

    private static Histogram<double> Seconds(Meter meter, string name, string description, double[] boundaries) =>
        meter.CreateHistogram(name, "s", description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = boundaries });

    private static KeyValuePair<string, object?> Tag(string model) => new("model", model);

    private void Tokens(string model, string kind, int count) => _tokens.Add(count, new TagList { { "model", model }, { "kind", kind } });

    private List<Measurement<long>> Sequences()
    {
        lock (_engines)
        {
            return [.. _engines.SelectMany(engine =>
            {
                var load = engine.Read();
                return new[] { State("running", load.Running), State("waiting", load.Waiting) };
                Measurement<long> State(string state, int count) => new(count, Tag(engine.Model), new KeyValuePair<string, object?>("state", state));
            })];
        }
    }

    private List<Measurement<long>> Each(Func<BatchLoad, long> value)
    {
        lock (_engines) return [.. _engines.Select(engine => new Measurement<long>(value(engine.Read()), Tag(engine.Model)))];
    }
}
