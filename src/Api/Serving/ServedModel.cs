using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Models;

namespace ContinualService.Api.Serving;

/// <summary>What one request runs on, resolved once: a base model alone, or with one immutable version of an adapter.</summary>
internal sealed class ServedModel(string name, HostedModel hosted, AdapterLease? adapter, int? versionNumber, string? sha256) : IDisposable
{
    /// <summary>The name that the client used.</summary>
    public string Name { get; } = name;

    public BaseModel Base => hosted.Model;

    public BatchEngine Engine => hosted.Engine;

    /// <summary>Null for a base model.</summary>
    public BatchAdapter? Adapter { get; } = adapter is null ? null : new BatchAdapter(sha256!, adapter.Weights);

    public int? VersionNumber { get; } = versionNumber;

    /// <summary>Digest of the adapter's weights; null for a base model.</summary>
    public string? Sha256 { get; } = sha256;

    /// <summary>Digest of base and version: answers with the same value come from the same weights.</summary>
    public string Fingerprint => $"fp_{Base.Digest[..12]}_{(Sha256 is null ? "base" : Sha256[..12])}";

    public void Dispose() => adapter?.Dispose();
}
