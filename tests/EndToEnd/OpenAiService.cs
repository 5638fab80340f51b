using Xunit;

namespace ContinualService.EndToEnd;

/// <summary>One started service for the tests of all clients.</summary>
public sealed class OpenAiService : IAsyncLifetime
{
    internal ServiceProcess Process { get; } = new();

    /// <summary>What a client is given as its base URL.</summary>
    public Uri Endpoint => new(Process.Client.BaseAddress!, "/v1");

    public async ValueTask InitializeAsync() => await Process.StartAsync();

    public ValueTask DisposeAsync() => Process.DisposeAsync();
}
