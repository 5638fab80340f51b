using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using ContinualService.Worker.Child;

namespace ContinualService.Worker.Processes;

/// <summary>
/// One training process and its end of the pipes. It is a process of its own because an error inside the native library ends the process
/// it happens in. It ends itself when its standard input closes, so that none outlives the service.
/// </summary>
internal sealed class TrainingProcess : IDisposable
{
    private const int KeptErrorLines = 100; // A stack trace must not push out the message above it.

    private static readonly string[] AllocatorPaths =
    [
        "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4", "/usr/lib/libtcmalloc_minimal.so.4", "/usr/lib64/libtcmalloc_minimal.so.4",
    ];

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
        var start = new ProcessStartInfo(DotnetHost(), ["exec", typeof(TrainingProcess).Assembly.Location, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        SetEnvironment(start.Environment, threads);
        return start;
    }

    internal static void SetEnvironment(IDictionary<string, string?> environment, int threads)
    {
        environment["OMP_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        // Waiting threads that spin make every step many times slower as soon as another process wants the same core.
        environment["OMP_WAIT_POLICY"] = "PASSIVE";
        // On machines with large caches the first generation grows so large that dead tensors' handles pile up.
        environment["DOTNET_GCgen0size"] = "0x1000000";
        // In bfloat16 the library compiles code for every shape that it meets, of which packed rows have a new one at each step, and keeps a thousand: enough for one step is kept.
        environment["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = environment["LRU_CACHE_CAPACITY"] = "128";
        environment["DOTNET_DbgEnableMiniDump"] = "0";
        if (AllocatorPaths.FirstOrDefault(File.Exists) is { } allocator) environment["LD_PRELOAD"] = allocator;
    }

    // The program may run under its own name or under dotnet; the runtime's folder leads to the host either way.
    private static string DotnetHost()
    {
        var host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        return File.Exists(host) ? host : "dotnet";
    }

    private void KeepError(string? line)
    {
        if (string.IsNullOrWhiteSpace(line)) return;
        _errors.Enqueue(line);
        while (_errors.Count > KeptErrorLines) _errors.TryDequeue(out _);
    }
}
