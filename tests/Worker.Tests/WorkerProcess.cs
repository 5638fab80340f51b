using System.Diagnostics;
using ContinualService.Worker.Processes;

namespace ContinualService.Worker.Tests;

/// <summary>The worker as a process of its own, as operators start it; killed at the end.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private const string Listening = "Now listening on: ";
    private readonly string _folder = Directory.CreateTempSubdirectory("worker-process-").FullName;
    private readonly Process _process;
    private Task _rest = Task.CompletedTask;

    private WorkerProcess(Process process) => _process = process;

    /// <summary>Asks the address where the process answers for itself.</summary>
    public HttpClient Client { get; } = new();

    /// <summary>Starts one on the database and the bucket of <paramref name="service"/>, which is shared and prepared.</summary>
    public static async Task<WorkerProcess> StartAsync(TestService service, CancellationToken cancellationToken, params string[] settings)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(TrainingProcess).Assembly.Location, .. settings]) { RedirectStandardOutput = true };
        var worker = new WorkerProcess(new Process { StartInfo = start });
        foreach (var (key, value) in service.SharedSettings) start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        start.Environment["Worker__Urls"] = "http://127.0.0.1:0";
        start.Environment["Data__Root"] = Path.Combine(worker._folder, "data");
        start.Environment["Training__Threads"] = "1";
        worker._process.Start();
        worker.Client.BaseAddress = await worker.ReadAddressAsync(cancellationToken);
        return worker;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        await _rest;
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<Uri> ReadAddressAsync(CancellationToken cancellationToken)
    {
        while (await _process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.IndexOf(Listening, StringComparison.Ordinal) is var at and >= 0)
            {
                // A full pipe would stop it.
                _rest = _process.StandardOutput.ReadToEndAsync(CancellationToken.None);
                return new Uri(line[(at + Listening.Length)..].Trim());
            }
        }

        throw new InvalidOperationException("The worker ended before it listened; its standard error says why.");
    }
}
