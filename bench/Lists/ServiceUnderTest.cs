using System.Diagnostics;
using System.Text;
using ContinualService.TestKit;

namespace ContinualService.Bench.Lists;

/// <summary>The service as its own process, on loopback, with the settings of a production host: PostgreSQL for rows and queue, no worker inside.</summary>
public sealed class ServiceUnderTest : IAsyncDisposable
{
    private const string Listening = "Now listening on: ";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServiceUnderTest(Process process)
    {
        _process = process;
        process.OutputDataReceived += Read;
        process.ErrorDataReceived += Read;
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => _address.TrySetException(new InvalidOperationException($"The service ended at its start:\n{Log()}"));
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public Uri Address { get; private set; } = new("http://127.0.0.1");

    /// <summary>Starts it on a free port and returns when it listens.</summary>
    /// <exception cref="InvalidOperationException">It ended at its start; the message holds its log.</exception>
    public static async Task<ServiceUnderTest> StartAsync(string connectionString, string dataFolder)
    {
        var service = new ServiceUnderTest(new Process { StartInfo = Command(connectionString, dataFolder) });
        service.Address = await service._address.Task.WaitAsync(Patience);
        return service;
    }

    /// <summary>Makes the tables, as an operator does before the first start.</summary>
    public static async Task PrepareAsync(string connectionString, string dataFolder)
    {
        using var process = Process.Start(Command(connectionString, dataFolder, "prepare")) ?? throw new InvalidOperationException("The service did not start.");
        var output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"prepare ended with exit code {process.ExitCode}:\n{string.Join('\n', output)}");
    }

    /// <summary>Processor time that the process took so far.</summary>
    public TimeSpan ProcessorTime()
    {
        _process.Refresh();
        return _process.TotalProcessorTime;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static ProcessStartInfo Command(string connectionString, string dataFolder, params string[] command) =>
        new("dotnet", [Checkout.Program("ContinualService.Api.dll"), .. command, "--urls", "http://127.0.0.1:0", $"--Data:Root={dataFolder}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["DOTNET_ENVIRONMENT"] = "Production",
                ["ASPNETCORE_ENVIRONMENT"] = "Production",
                ["Database__Provider"] = "postgresql",
                ["Database__ConnectionString"] = connectionString,
                ["Queue__Provider"] = "postgresql",
                ["Worker__Embedded"] = "false",
            },
        };

    private void Read(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is not { } text) return;
        lock (_log) _log.AppendLine(text);
        var at = text.IndexOf(Listening, StringComparison.Ordinal);
        if (at >= 0) _address.TrySetResult(new Uri(text[(at + Listening.Length)..].Trim()));
    }

    private string Log()
    {
        lock (_log) return _log.ToString();
    }
}
