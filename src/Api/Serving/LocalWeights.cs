using ContinualService.Api.OpenAi;
using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Models;

namespace ContinualService.Api.Serving;

/// <summary>Weights in this process's memory.</summary>
/// <param name="hosted">The base and its engine, which live as long as the process.</param>
/// <param name="lease">Keeps the adapter's weights; null for a base model.</param>
/// <param name="sha256">Digest of the adapter's weights.</param>
internal sealed class LocalWeights(HostedModel hosted, AdapterLease? lease, string? sha256) : IServedWeights
{
    public TextAssets Text => hosted.Model.Text;

    public int MaxTokens => hosted.Engine.MaxTokens;

    public int MaxAlternatives => GenerationRequest.MostAlternatives;

    public BatchAdapter? Adapter { get; } = lease is null ? null : new BatchAdapter(sha256!, lease.Weights);

    public Task SubmitAsync(SequenceRequest request) => hosted.Engine.Submit(request) switch
    {
        Admission.Taken => Task.CompletedTask,
        Admission.OwnerFull => Task.FromException(OpenAiException.TenantFull()),
        _ => Task.FromException(OpenAiException.Overloaded("Too many requests wait already. Try again after a moment.")),
    };

    public void Dispose() => lease?.Dispose();
}
