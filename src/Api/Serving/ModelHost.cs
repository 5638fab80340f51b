using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Storage;
using Microsoft.Extensions.Options;
using TorchSharp;

namespace ContinualService.Api.Serving;

/// <summary>
/// The models in memory. A base model is loaded on its first use and shared, immutable, by every request; an adapter is an argument of each
/// forward call, so requests of different adapters run side by side on one base.
/// </summary>
internal sealed class ModelHost : IDisposable
{
    private readonly ServingOptions _options;
    private readonly IObjectStore _objects;
    private readonly AdapterCache _adapters;
    private readonly SemaphoreSlim _slots;
    private readonly Dictionary<string, Task<BaseModel>> _bases = []; // by digest
    private int _waiting;

    public ModelHost(IOptions<ServingOptions> options, IObjectStore objects)
    {
        _options = options.Value;
        _objects = objects;
        _adapters = new AdapterCache(_options.MaxResidentAdapters);
        _slots = new SemaphoreSlim(_options.MaxConcurrentRequests);
        torch.set_num_threads(_options.Threads > 0 ? _options.Threads : Math.Max(1, Environment.ProcessorCount / 2));
    }

    /// <summary>The base model, loaded on first use; a folder whose files changed is loaded anew.</summary>
    /// <exception cref="ModelFormatException">The folder holds no model that can be computed.</exception>
    public async Task<BaseModel> BaseAsync(CatalogModel model)
    {
        var digest = await Task.Run(() => model.Digest);
        Task<BaseModel> loading;
        lock (_bases)
        {
            if (!_bases.TryGetValue(digest, out loading!) || loading.IsFaulted)
                _bases[digest] = loading = Task.Run(() => BaseModel.Load(model.Folder, torch.device(_options.Device), torch.ScalarType.Float32, digest));
        }

        return await loading;
    }

    /// <summary>The weights of one version, verified against its digest as they are read.</summary>
    public Task<AdapterLease> AdapterAsync(BaseModel model, LoraConfig config, string sha256) =>
        _adapters.AcquireAsync($"{model.Digest}/{sha256}", async () =>
        {
            // The verified bytes are the bytes that are loaded: a private copy, not the store's file.
            var copy = Path.GetTempFileName();
            try
            {
                await using (var target = File.Create(copy))
                await using (var source = await _objects.OpenReadAsync(sha256, CancellationToken.None))
                    await source.CopyToAsync(target);
                return PeftAdapter.LoadWeights(copy, config, model.Decoder);
            }
            finally
            {
                File.Delete(copy);
            }
        });

    /// <summary>Waits for a place among the running requests; dispose the result to give it back.</summary>
    /// <returns>Null when too many wait already.</returns>
    public async Task<IDisposable?> EnterAsync(CancellationToken cancellationToken)
    {
        if (!await _slots.WaitAsync(0, cancellationToken))
        {
            if (Interlocked.Increment(ref _waiting) > _options.MaxWaitingRequests)
            {
                Interlocked.Decrement(ref _waiting);
                return null;
            }

            try
            {
                await _slots.WaitAsync(cancellationToken);
            }
            finally
            {
                Interlocked.Decrement(ref _waiting);
            }
        }

        return new Slot(_slots);
    }

    public void Dispose()
    {
        _adapters.Dispose();
        lock (_bases)
        {
            foreach (var loaded in _bases.Values.Where(loaded => loaded.IsCompletedSuccessfully)) loaded.GetAwaiter().GetResult().Dispose();
            _bases.Clear();
        }

        _slots.Dispose();
    }

    private sealed class Slot(SemaphoreSlim slots) : IDisposable
    {
        private SemaphoreSlim? _slots = slots;

        public void Dispose() => Interlocked.Exchange(ref _slots, null)?.Release();
    }
}
