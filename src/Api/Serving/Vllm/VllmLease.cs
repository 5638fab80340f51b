namespace ContinualService.Api.Serving.Vllm;

/// <summary>One request's hold on a server, and on the adapter there: what is held is not unloaded.</summary>
/// <param name="server">The server.</param>
/// <param name="name">What to ask it for.</param>
/// <param name="release">Ends the hold.</param>
/// <param name="lost">Told that the server does not know the adapter any more; null for a base model.</param>
internal sealed class VllmLease(VllmServer server, string name, Action release, Action? lost) : IDisposable
{
    private Action? _release = release;

    public VllmServer Server { get; } = server;

    public string Name { get; } = name;

    /// <summary>Whether the server can have lost what it was asked for.</summary>
    public bool IsOfAdapter => lost is not null;

    /// <summary>Says that the server does not know the adapter, because it was started anew: the next hold loads it.</summary>
    public void Lost() => lost?.Invoke();

    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
}
