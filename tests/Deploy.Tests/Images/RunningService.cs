using System.Diagnostics;
using System.Net.Http.Headers;

namespace ContinualService.Deploy.Tests.Images;

/// <summary>A started service and a client that has its key; it is killed at the end.</summary>
internal sealed class RunningService : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task _log;

    public RunningService(Process process, string address, string key)
    {
        _process = process;
        _log = process.StandardOutput.ReadToEndAsync(); // A full pipe would stop it.
        Client = new HttpClient { BaseAddress = new Uri(address) };
        Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    public HttpClient Client { get; }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        await _log;
        _process.Dispose();
    }
}
