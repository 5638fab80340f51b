using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Models;

namespace ContinualService.Api.Serving;

/// <summary>What one request runs on, resolved once: a base model alone, or with one immutable version of an adapter, a merge that could be one, or several mixed.</summary>
internal sealed class ServedModel(string name, string digest, IServedWeights weights, ServedVersion? version) : IDisposable
{
    /// <summary>The name that the client used.</summary>
    public string Name { get; } = name;

    public TextAssets Text => weights.Text;

    /// <inheritdoc cref="IServedWeights.MaxTokens"/>
    public int MaxTokens => weights.MaxTokens;

    /// <inheritdoc cref="IServedWeights.MaxAlternatives"/>
    public int MaxAlternatives => weights.MaxAlternatives;

    /// <inheritdoc cref="IServedWeights.Adapter"/>
    public BatchAdapter? Adapter => weights.Adapter;

    /// <summary>Null for a base model, and for a merge or mixture that is no version.</summary>
    public int? VersionNumber => version?.Number;

    /// <summary>The preview whose merge it is; null for a base model or a version.</summary>
    public string? PreviewId => (version as PreviewedVersion)?.Preview.Id;

    /// <summary>Which versions answer together, with what weights; null where they are not mixed.</summary>
    public string? Mixture => (version as MixedVersion)?.Mixture.Text;

    /// <summary>Digest of the adapter's weights, or of what they are mixed of; null for a base model.</summary>
    public string? Sha256 => version?.Version.Sha256;

    /// <summary>Digest of base and version: answers with the same value come from the same weights.</summary>
    public string Fingerprint => $"fp_{digest[..12]}_{(Sha256 is null ? "base" : Sha256[..12])}";

    /// <inheritdoc cref="IServedWeights.SubmitAsync"/>
    public Task SubmitAsync(SequenceRequest request) => weights.SubmitAsync(request);

    public void Dispose() => weights.Dispose();
}
