using ContinualService.Engine.Lora;

namespace ContinualService.Api.Serving;

/// <summary>
/// Adapters in memory, least recently used out first. The key is the digest of the weights together with the base's digest, never a name:
/// a new version under an old name can not be answered with old weights.
/// </summary>
internal sealed class AdapterCache(int capacity) : IDisposable
{
    private sealed class Entry(Task<LoraWeights> weights)
    {
        public Task<LoraWeights> Weights { get; } = weights;
        public int Users { get; set; }
        public long LastUse { get; set; }
        public bool Evicted { get; set; }
    }

    private readonly Dictionary<string, Entry> _entries = [];
    private readonly Lock _lock = new();
    private long _uses;

    /// <summary>The weights under <paramref name="key"/>, loaded once however many ask at the same time.</summary>
    public async Task<AdapterLease> AcquireAsync(string key, Func<Task<LoraWeights>> load)
    {
        Entry entry;
        lock (_lock)
        {
            if (!_entries.TryGetValue(key, out entry!)) _entries[key] = entry = new Entry(Task.Run(load));
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
        }
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
