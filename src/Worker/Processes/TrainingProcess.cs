using System.Collections.Concurrent;
using System.Diagnostics;
using ContinualService.Worker.Child;

namespace ContinualService.Worker.Processes;

/// <summary>
/// One training process and its end of the pipes. It is a process of its own because an error inside the native library ends the process
/// it happens in. It ends itself when its standard input closes, so that none outlives the service.
/// </summary>
internal sealed class TrainingProcess : IDisposable
{
    private const int KeptErrorLines = 100; // A stack trace must not push out the message above it.

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _errors = new();

    private TrainingProcess(Process process) => _process = process;

    public int Id => _process.Id;

    /// <summary>The last lines of its standard error.</summary>
    public string ErrorTail => string.Join('\n', _errors);

    /// <summary>Starts <c>run-task</c> of this program on a spec file.</summary>
    public static TrainingProcess Start(string specPath, int threads)
    {
        var process = Process.Start(Command(threads, "run-task", specPath)) ?? throw new InvalidOperationException("The training process did not start.");
        var training = new TrainingProcess(process);
        process.ErrorDataReceived += (_, line) => training.KeepError(line.Data);
        process.BeginErrorReadLine();
        return training;
    }

    /// <summary>The next line of its standard output; null at the end.</summary>
    public Task<string?> ReadLineAsync() => _process.StandardOutput.ReadLineAsync();

    /// <summary>Asks it to write a checkpoint and end.</summary>
    public void AskToStop()
    {
        try
        {
            _process.StandardInput.WriteLine(ParentWatch.Stop);
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It has ended already.
        }
    }

    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended already.
        }
    }

    /// <summary>Waits for its end and gives its exit code; 128 + n after signal n.</summary>
    public async Task<int> WaitForExitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    /// <summary>How to start a command of this program as a process of its own, with all three streams taken.</summary>
    internal static ProcessStartInfo Command(int threads, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(ProcessEnvironment.DotnetHost(), ["exec", typeof(TrainingProcess).Assembly.Location, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        ProcessEnvironment.Set(start.Environment, threads);
        return start;
    }

    private void KeepError(string? line)
    {
        if (string.IsNullOrWhiteSpace(line)) return;
        _errors.Enqueue(line);
        while (_errors.Count > KeptErrorLines) _errors.TryDequeue(out _);
    }
}
