using ContinualService.Infrastructure.Storage;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>
/// One server, and what this process has loaded there. It has a bounded number of places. A place is freed before another is taken, and only when no request
/// uses it (vLLM #47724: a load that pushes out an adapter in use can let the wrong one answer). Safe to use from many threads.
/// </summary>
internal sealed class VllmServer(
    string address, string model, string servedName, VllmClient client, VllmFolder folder, VllmOptions options, VllmMetrics metrics, TimeProvider time, ILogger logger)
{
    private sealed class Place(string name)
    {
        public string Name { get; } = name;
        public Task Loaded { get; set; } = Task.CompletedTask;
        public Task? Left { get; set; } // not null: it is being unloaded
        public int Users { get; set; }
        public long LastUse { get; set; }
        public long LoadedAt { get; set; } = long.MaxValue;
    }

    private readonly Dictionary<string, Place> _places = [];
    private readonly Lock _gate = new();
    private long _uses;
    private int _inFlight;
    private volatile int _maxTokens; // 0: not told yet

    /// <summary>Host and port, as metrics and log call it.</summary>
    public string Address => address;

    /// <summary>The base that it serves.</summary>
    public string Model => model;

    public VllmClient Client => client;

    public VllmHealth Health { get; } = new(address, model, TimeSpan.FromSeconds(options.LeaveOutSeconds), time, logger);

    /// <summary>Longest sequence; null until it has told.</summary>
    public int? MaxTokens => _maxTokens is var most and > 0 ? most : null;

    /// <summary>Whether it has told at least once what it has loaded.</summary>
    public bool WasSeen { get; private set; }

    /// <summary>Order of the last hold: of equally busy servers the one that waited longest is next.</summary>
    public long LastHold { get; private set; }

    public int InFlight => _inFlight;

    public int Adapters
    {
        get
        {
            lock (_gate) return _places.Count;
        }
    }

    /// <summary>Names of this process's adapters there.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_gate) return [.. _places.Keys];
        }
    }

    public bool Has(string name)
    {
        lock (_gate) return _places.TryGetValue(name, out var place) && place.Left is null;
    }

    /// <summary>A hold on the base.</summary>
    public VllmLease HoldBase()
    {
        lock (_gate) return Hold(servedName, null);
    }

    /// <summary>A hold on an adapter, loaded first where it is not there; null where every place is in use.</summary>
    /// <exception cref="VllmException">It could not be loaded.</exception>
    /// <exception cref="ObjectDamagedException">The stored weights are not those of the version.</exception>
    public async Task<VllmLease?> TryHoldAsync(string name, ServedVersion version, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task wait;
            VllmLease? lease = null;
            lock (_gate)
            {
                if (_places.TryGetValue(name, out var place) && place.Left is { } left)
                {
                    wait = left;
                }
                else if (place is not null || _places.Count < options.MaxAdapters)
                {
                    if (place is null)
                    {
                        place = _places[name] = new Place(name);
                        // Not the request's own: others wait for the same load, and it must end when its client has gone.
                        place.Loaded = LoadAsync(place, version);
                    }

                    (lease, wait) = (Hold(name, place), place.Loaded);
                }
                else if (_places.Values.Where(IsIdle).MinBy(other => other.LastUse) is { } oldest)
                {
                    wait = oldest.Left = LeaveAsync(oldest);
                }
                else
                {
                    return null;
                }
            }

            try
            {
                await wait.WaitAsync(cancellationToken);
            }
            catch
            {
                lease?.Dispose();
                throw;
            }

            if (lease is not null) return lease;
        }
    }

    /// <summary>Unloads an adapter unless a request uses it.</summary>
    public async Task DropAsync(string name)
    {
        Task left;
        lock (_gate)
        {
            if (!_places.TryGetValue(name, out var place) || !IsIdle(place)) return;
            left = place.Left = LeaveAsync(place);
        }

        await left;
    }

    /// <summary>Unloads every adapter of an owner that is no more.</summary>
    public async Task ClearAsync(string owner)
    {
        var list = await client.ListAsync();
        foreach (var name in list.Keys.Where(name => VllmName.Parse(name)?.Owner == owner)) await UnloadAsync(name);
    }

    /// <summary>Asks how it does and what it has loaded, and brings what this process believes into line with it. Never throws for what the server does.</summary>
    public async Task LookAsync()
    {
        var began = time.GetTimestamp();
        try
        {
            var list = await client.ListAsync();
            if (!list.TryGetValue(servedName, out var longest))
                throw new VllmException($"It does not serve '{servedName}'. Start it with --served-model-name {servedName}, or set Serving:Vllm:Models:{model}:ServedName to the name that it has.");
            _maxTokens = longest ?? 0;
            Compare(list, began);
            WasSeen = true;
            Health.Recovered();
        }
        catch (VllmException error)
        {
            Failed(error, isAway: true);
        }
    }

    /// <summary>Notes that it failed: others are asked first for a while, and one that is away is not asked at all.</summary>
    public void Failed(VllmException error, bool isAway)
    {
        metrics.Failed(this);
        Health.Failed(error, isAway);
    }

    private static bool IsIdle(Place place) => place is { Users: 0, Left: null, Loaded.IsCompletedSuccessfully: true };

    private VllmLease Hold(string name, Place? place)
    {
        _inFlight++;
        LastHold = ++_uses;
        if (place is null) return new VllmLease(this, name, () => End(null), null);
        place.Users++;
        place.LastUse = _uses;
        return new VllmLease(this, name, () => End(place), () => Forget(place));
    }

    private void End(Place? place)
    {
        lock (_gate)
        {
            _inFlight--;
            if (place is not null) place.Users--;
        }
    }

    /// <summary>Of requests that learn of the same loss only the first forgets; the place that is loaded after it is another.</summary>
    private void Forget(Place place)
    {
        lock (_gate)
        {
            if (!_places.TryGetValue(place.Name, out var current) || !ReferenceEquals(current, place) || place.Left is not null) return;
            _places.Remove(place.Name);
        }

        folder.Release(place.Name);
        logger.AdapterLost(address, place.Name);
    }

    private async Task LoadAsync(Place place, ServedVersion version)
    {
        // The caller holds the lock.
        await Task.Yield();
        var written = false;
        try
        {
            var path = await folder.UseAsync(place.Name, version);
            written = true;
            await client.LoadAsync(place.Name, path);
            lock (_gate) place.LoadedAt = time.GetTimestamp();
            metrics.Loaded(this);
        }
        catch (Exception error)
        {
            lock (_gate) _places.Remove(place.Name);
            if (written) folder.Release(place.Name);
            if (error is VllmException fault) Refused(fault, place.Name);
            throw;
        }
    }

    private async Task LeaveAsync(Place place)
    {
        await Task.Yield();
        try
        {
            await UnloadAsync(place.Name);
        }
        catch (VllmException error)
        {
            // It may be there still, so it keeps its place.
            lock (_gate) place.Left = null;
            Refused(error, place.Name);
            throw;
        }

        lock (_gate) _places.Remove(place.Name);
        folder.Release(place.Name);
    }

    private async Task UnloadAsync(string name)
    {
        await client.UnloadAsync(name);
        metrics.Unloaded(this);
    }

    private void Refused(VllmException error, string name)
    {
        logger.AdapterRefused(address, name, error.Message);
        // A refusal with a reason is about this adapter; anything else is about the server.
        if (error.Status is null or >= 500) Failed(error, isAway: !error.WasSent);
        else metrics.Failed(this);
    }

    private void Compare(IReadOnlyDictionary<string, int?> list, long began)
    {
        var strangers = list.Keys.Where(name => VllmName.Parse(name)?.Owner == folder.Owner).ToList();
        lock (_gate)
        {
            // What was loaded after the question need not be in the answer.
            foreach (var place in _places.Values.Where(place => place.LoadedAt < began && place.Left is null && !list.ContainsKey(place.Name)).ToList())
            {
                _places.Remove(place.Name);
                folder.Release(place.Name);
                logger.AdapterLost(address, place.Name);
            }

            foreach (var name in strangers.Where(name => !_places.ContainsKey(name)))
            {
                // Of an earlier process of this owner, or of a load whose answer was lost.
                if (_places.Count < options.MaxAdapters && folder.TryAdopt(name))
                {
                    _places[name] = new Place(name) { LoadedAt = began };
                    continue;
                }

                var place = _places[name] = new Place(name);
                place.Left = ClearAsync(place);
            }
        }
    }

    /// <summary>Unloads what has no files any more.</summary>
    private async Task ClearAsync(Place place)
    {
        await Task.Yield();
        try
        {
            await UnloadAsync(place.Name);
        }
        catch (VllmException error)
        {
            Refused(error, place.Name); // the next look finds it again
        }

        lock (_gate) _places.Remove(place.Name);
    }
}
