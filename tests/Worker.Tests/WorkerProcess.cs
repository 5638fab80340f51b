using System.Diagnostics;
using ContinualService.TestKit;
using ContinualService.TestKit.Servers;
using ContinualService.Worker.Processes;

namespace ContinualService.Worker.Tests;

/// <summary>The worker as a process of its own, as operators start it, on a database and a bucket of its own; killed at the end.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private const string Listening = "Now listening on: ";
    private readonly string _folder = Directory.CreateTempSubdirectory("worker-process-").FullName;
    private readonly Process _process;
    private Task _rest = Task.CompletedTask;

    private WorkerProcess(Process process) => _process = process;

    /// <summary>Asks the address where the process answers for itself.</summary>
    public HttpClient Client { get; } = new();

    public static async Task<WorkerProcess> StartAsync(CancellationToken cancellationToken, params string[] settings)
    {
        var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(cancellationToken);
        var objects = await S3Server.SharedAsync();
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(TrainingProcess).Assembly.Location, .. settings]) { RedirectStandardOutput = true };
        var worker = new WorkerProcess(new Process { StartInfo = start });
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["Worker__Urls"] = "http://127.0.0.1:0",
            ["Data__Root"] = Path.Combine(worker._folder, "data"),
            ["Models__Root"] = Shared.Folder("conformance/models"),
            ["Database__Provider"] = "postgresql",
            ["Database__ConnectionString"] = database,
            ["Storage__Provider"] = "s3",
            ["Storage__S3__Endpoint"] = objects.Endpoint,
            ["Storage__S3__Bucket"] = await objects.CreateBucketAsync(cancellationToken),
            ["Storage__S3__AccessKey"] = objects.AccessKey,
            ["Storage__S3__SecretKey"] = objects.SecretKey,
        })
            start.Environment[name] = value;
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
