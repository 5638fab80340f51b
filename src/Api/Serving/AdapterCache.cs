using ContinualService.Engine.Lora;

namespace ContinualService.Api.Serving;

/// <summary>
/// Adapters in memory, least recently used out first. The key is the digest of the weights together with the base's digest, never a name:
/// a new version under an old name can not be answered with old weights.
/// </summary>
internal sealed class AdapterCache(int capacity, AdapterMetrics metrics) : IDisposable
{
    private sealed class Entry(string model, Task<LoraWeights> weights)
    {
        public string Model { get; } = model;
        public Task<LoraWeights> Weights { get; } = weights;
        public int Users { get; set; }
        public long LastUse { get; set; }
        public bool Evicted { get; set; }
    }

    private readonly Dictionary<string, Entry> _entries = [];
    private readonly Lock _lock = new();
    private long _uses;

    /// <summary>The weights under <paramref name="key"/>, loaded once however many ask at the same time.</summary>
    /// <param name="model">Name of their base in the metrics.</param>
    /// <param name="key">Digests of base and weights.</param>
    /// <param name="load">Reads them.</param>
    public async Task<AdapterLease> AcquireAsync(string model, string key, Func<Task<LoraWeights>> load)
    {
        Entry entry;
        lock (_lock)
        {
            if (!_entries.TryGetValue(key, out entry!)) _entries[key] = entry = new Entry(model, Task.Run(() => LoadAsync(model, load)));
            entry.Users++;
            entry.LastUse = ++_uses;
            Trim();
        }

        try
        {
            return new AdapterLease(await entry.Weights, () => Release(entry));
        }
        catch
        {
            // A failed load is not kept: the next request tries again.
            lock (_lock)
            {
                if (_entries.TryGetValue(key, out var current) && ReferenceEquals(current, entry)) _entries.Remove(key);
            }

            throw;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var entry in _entries.Values) Evict(entry);
            _entries.Clear();
        }
    }

    private void Trim()
    {
        while (_entries.Count > capacity)
        {
            var (key, oldest) = _entries.Where(pair => pair.Value.Users == 0).OrderBy(pair => pair.Value.LastUse).FirstOrDefault();
            if (key is null) return; // all in use: the bound holds again once one is released
            _entries.Remove(key);
            Evict(oldest);
            metrics.Evicted(oldest.Model);
        }
    }

    private async Task<LoraWeights> LoadAsync(string model, Func<Task<LoraWeights>> load)
    {
        var weights = await load();
        metrics.Loaded(model);
        return weights;
    }

    private void Release(Entry entry)
    {
        lock (_lock)
        {
            entry.Users--;
            if (entry.Evicted) Evict(entry);
            else Trim();
        }
    }

    private static void Evict(Entry entry)
    {
        entry.Evicted = true;
        if (entry.Users == 0 && entry.Weights.IsCompletedSuccessfully) entry.Weights.GetAwaiter().GetResult().Dispose();
    }
}
