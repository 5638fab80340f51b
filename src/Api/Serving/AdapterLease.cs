using ContinualService.Engine.Lora;

namespace ContinualService.Api.Serving;

/// <summary>Keeps an adapter's weights alive while a request uses them.</summary>
internal sealed class AdapterLease(LoraWeights weights, Action release) : IDisposable
{
    private Action? _release = release;

    public LoraWeights Weights { get; } = weights;

    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
}
