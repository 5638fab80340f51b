using System.Diagnostics;
using ContinualService.Worker.Processes;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Tests.Child;

/// <summary>A real training process with both pipes in the test's hands.</summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly Process _process;

    public ChildProcess(RunSpec spec)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(TrainingProcess).Assembly.Location, "run-task", RunFolder.Write(spec)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        ProcessEnvironment.Set(start.Environment, spec.Threads);
        _process = Process.Start(start)!;
    }

    public List<RunMessage> Said { get; } = [];

    /// <summary>The first message of a kind from here on; null where the process ends before it.</summary>
    public async Task<T?> ReadUntilAsync<T>(CancellationToken cancellationToken)
        where T : RunMessage
    {
        while (await _process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            if (RunMessage.Parse(line) is not { } message) continue;
            Said.Add(message);
            if (message is T wanted) return wanted;
        }

        return null;
    }

    public async Task SayAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    public void Kill() => _process.Kill();

    /// <summary>Reads to the end and gives the exit code.</summary>
    public async Task<int> EndAsync(CancellationToken cancellationToken)
    {
        await ReadUntilAsync<Nothing>(cancellationToken);
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.Dispose();
    }

    private sealed record Nothing : RunMessage;
}
