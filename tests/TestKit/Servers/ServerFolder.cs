using System.Diagnostics;
using System.Globalization;

namespace ContinualService.TestKit.Servers;

/// <summary>
/// The temporary folder and the processes of one test server. A small shell, the guard, ends the processes and then deletes the folder as soon as
/// its standard input closes: that happens on disposal, and also when the test program dies, however it dies.
/// </summary>
internal sealed class ServerFolder : IAsyncDisposable
{
    // Each line on standard input is the whole list of the processes to end: the last one counts. A Ctrl-C reaches the guard too; it must outlive it.
    private const string GuardScript = """
        trap '' INT TERM HUP
        ids=
        while read -r line; do ids=$line; done
        [ -z "$ids" ] || kill -s "$1" $ids
        for attempt in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$2" && break; sleep 0.2; done
        """;

    // For what hangs; a machine with many other things to do may take a minute to start one of the service's programs.
    private static readonly TimeSpan EndLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromMinutes(3);
    private readonly Process _guard;
    private readonly HashSet<int> _running = [];

    /// <param name="prefix">Begins the folder's name.</param>
    /// <param name="lastSignal">What the guard ends the processes with, for example <c>KILL</c>.</param>
    public ServerFolder(string prefix, string lastSignal)
    {
        Path = Directory.CreateTempSubdirectory(prefix).FullName;
        // Its outputs lead nowhere: a guard that held the test program's output open would keep whoever reads that waiting.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec >/dev/null 2>&1\n" + GuardScript, "guard", lastSignal, Path]) { RedirectStandardInput = true };
        _guard = Process.Start(start) ?? throw new InvalidOperationException("The guard of a test server did not start.");
    }

    public string Path { get; }

    /// <summary>Variables that its programs get.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>Starts a server that stays in the foreground; what it prints goes to <c>name.log</c>.</summary>
    public Process Start(string name, params IEnumerable<string> command)
    {
        var process = Launch(name, command);
        var id = process.Id; // Whoever stops the server disposes the process, perhaps before the event comes.
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => Forget(id);
        lock (_running)
        {
            _running.Add(id);
            TellGuard();
        }

        if (process.HasExited) Forget(id); // It may have ended before anyone listened.
        return process;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message holds what it printed last.</exception>
    public async Task RunAsync(string name, params IEnumerable<string> command)
    {
        using var process = Launch(name, command);
        using var limit = new CancellationTokenSource(EndLimit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new InvalidOperationException($"{name} did not end within {EndLimit.TotalSeconds} s:\n{LogTail(name)}");
        }

        if (process.ExitCode != 0) throw new InvalidOperationException($"{name} ended with exit code {process.ExitCode}:\n{LogTail(name)}");
    }

    /// <summary>Asks a started server again and again until it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended, or is not ready in time; the message holds what it printed last.</exception>
    public async Task WaitUntilReadyAsync(string name, Process server, Func<CancellationToken, Task<bool>> isReady)
    {
        using var limit = new CancellationTokenSource(ReadyLimit);
        try
        {
            while (!await isReady(limit.Token))
            {
                if (server.HasExited) throw new InvalidOperationException($"{name} ended right after its start:\n{LogTail(name)}");
                await Task.Delay(20, limit.Token);
            }
        }
        catch (OperationCanceledException)
        {
            throw new InvalidOperationException($"{name} is not ready {ReadyLimit.TotalSeconds} s after its start:\n{LogTail(name)}");
        }
    }

    /// <summary>Sends a signal and waits for the process's end.</summary>
    public static async Task EndAsync(Process process, string signal)
    {
        if (process.HasExited) return;
        using var kill = Process.Start("/bin/sh", ["-c", "kill -s \"$0\" \"$1\"", signal, process.Id.ToString(CultureInfo.InvariantCulture)]);
        using var limit = new CancellationTokenSource(EndLimit);
        await process.WaitForExitAsync(limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        _guard.StandardInput.Close();
        using var limit = new CancellationTokenSource(EndLimit);
        await _guard.WaitForExitAsync(limit.Token);
        _guard.Dispose();
    }

    // Output goes to a file, because a pipe would break when the test program dies, and the exec keeps the process id.
    private Process Launch(string name, IEnumerable<string> command)
    {
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = "/" };
        foreach (var argument in (string[])["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1 </dev/null", name, System.IO.Path.Combine(Path, name + ".log"), .. command])
            start.ArgumentList.Add(argument);
        foreach (var (key, value) in Environment) start.Environment[key] = value;
        return Process.Start(start) ?? throw new InvalidOperationException($"{name} did not start.");
    }

    /// <summary>What a process printed last.</summary>
    public string LogTail(string name) => string.Join('\n', File.ReadLines(System.IO.Path.Combine(Path, name + ".log")).TakeLast(20));

    // The kernel may give an ended process's id to a stranger: the guard must not end that one.
    private void Forget(int id)
    {
        lock (_running)
            if (_running.Remove(id))
                TellGuard();
    }

    private void TellGuard()
    {
        try
        {
            _guard.StandardInput.WriteLine(string.Join(' ', _running));
            _guard.StandardInput.Flush();
        }
        catch (Exception gone) when (gone is ObjectDisposedException or InvalidOperationException or IOException)
        {
            // Disposal has begun, and the guard itself ended the process.
        }
    }
}
