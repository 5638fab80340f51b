using System.Diagnostics.Metrics;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using ContinualService.Infrastructure.Storage;
using ContinualService.Infrastructure.Telemetry;
using ContinualService.Worker;
using Microsoft.Extensions.Options;
using TorchSharp;

namespace ContinualService.Api.Serving;

/// <summary>
/// The models in this process's memory. A base model is loaded on its first use and shared, immutable, by every request; its engine runs requests of different adapters
/// side by side in one batch.
/// </summary>
internal sealed class ModelHost : IServingBackend, IDisposable
{
    // A model that is too large for its share of memory still answers short prompts.
    private const long LeastCacheTokens = 256;

    private readonly ServingOptions _options;
    private readonly torch.ScalarType _computesIn;
    private readonly IObjectStore _objects;
    private readonly AdapterCache _adapters;
    private readonly BatchMetrics _metrics;
    private readonly Dictionary<string, Task<HostedModel>> _bases = []; // by digest

    public ModelHost(IOptions<ServingOptions> options, IOptions<ModelsOptions> models, IObjectStore objects, IMeterFactory meters)
    {
        _options = options.Value;
        _computesIn = Precision.Base(models.Value.Precision);
        _objects = objects;
        var meter = meters.CreateServiceMeter();
        _adapters = new AdapterCache(_options.MaxResidentAdapters, new AdapterMetrics(meter));
        _metrics = new BatchMetrics(meter);
        torch.set_num_threads(_options.Threads > 0 ? _options.Threads : Math.Max(1, Environment.ProcessorCount / 2));
    }

    public async Task<IServedWeights> OpenAsync(CatalogModel model, string digest, ServedVersion? version, CancellationToken cancellationToken)
    {
        var hosted = await BaseAsync(model, digest);
        if (version is null) return new LocalWeights(hosted, null, null);
        return new LocalWeights(hosted, await AdapterAsync(hosted.Model, version), version.Version.Sha256);
    }

    /// <summary>The base model, loaded on first use; a folder whose files changed is loaded anew.</summary>
    private async Task<HostedModel> BaseAsync(CatalogModel model, string digest)
    {
        Task<HostedModel> loading;
        lock (_bases)
        {
            if (!_bases.TryGetValue(digest, out loading!) || loading.IsFaulted)
                _bases[digest] = loading = Task.Run(() => Load(model, digest));
        }

        return await loading;
    }

    /// <summary>The weights of one version, verified against its digest as they are read.</summary>
    private Task<AdapterLease> AdapterAsync(BaseModel model, ServedVersion version) =>
        _adapters.AcquireAsync(model.Name, $"{model.Digest}/{version.Version.Sha256}", async () =>
        {
            // The verified bytes are the bytes that are loaded: a private copy, not the store's file.
            var copy = Path.GetTempFileName();
            try
            {
                await using (var target = File.Create(copy))
                await using (var source = await version.OpenWeightsAsync(_objects, CancellationToken.None))
                    await source.CopyToAsync(target);
                return PeftAdapter.LoadWeights(copy, version.Shape, model.Decoder);
            }
            finally
            {
                File.Delete(copy);
            }
        });

    private HostedModel Load(CatalogModel model, string digest)
    {
        var loaded = BaseModel.Load(model.Folder, torch.device(_options.Device), _computesIn, digest, forGeneration: true);
        var cacheTokens = Math.Max(LeastCacheTokens, _options.CacheMegabytes * (1L << 20) / SequenceCache.BytesPerToken(loaded.Decoder));
        var options = new BatchOptions(_options.MaxBatch, _options.MaxBatch, _options.StepTokens, cacheTokens, _options.MaxWaitingRequests, _options.MaxWaitingPerTenant);
        return new HostedModel(loaded, new BatchEngine(loaded.Decoder, options, loaded.Name, _metrics));
    }

    public void Dispose()
    {
        _adapters.Dispose();
        lock (_bases)
        {
            foreach (var loaded in _bases.Values.Where(loaded => loaded.IsCompletedSuccessfully)) loaded.GetAwaiter().GetResult().Dispose();
            _bases.Clear();
        }
    }
}
