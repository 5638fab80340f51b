using System.Diagnostics;
using System.Globalization;
using ContinualService.TestKit.Servers;

namespace ContinualService.TestKit.Cluster;

/// <summary>One process of the service, which can be killed, stopped in the middle of everything, woken, and started again on the same data folder.</summary>
public sealed class ClusterProcess
{
    private readonly ServerFolder _folder;
    private readonly IReadOnlyList<string> _command;
    private readonly Uri _health;
    private Process? _process;

    internal ClusterProcess(ServerFolder folder, string name, IReadOnlyList<string> command, Uri health) => (_folder, Name, _command, _health) = (folder, name, command, health);

    public string Name { get; }

    /// <summary>Null while it does not run.</summary>
    public int? Id => _process is { HasExited: false } running ? running.Id : null;

    /// <summary>Returns when it says that it lives.</summary>
    /// <exception cref="InvalidOperationException">It does not; the message holds what it printed last.</exception>
    public async Task StartAsync()
    {
        _process = _folder.Start(Name, _command);
        using var http = new HttpClient();
        await _folder.WaitUntilReadyAsync(Name, _process, async token =>
        {
            try
            {
                using var response = await http.GetAsync(_health, token);
                return response.IsSuccessStatusCode;
            }
            catch (HttpRequestException) // not listening yet
            {
                return false;
            }
        });
    }

    /// <summary>SIGKILL: it gets no chance to write anything down.</summary>
    public Task KillAsync() => EndAsync("KILL");

    /// <summary>SIGTERM: it ends in good order.</summary>
    public Task TerminateAsync() => EndAsync("TERM");

    /// <summary>SIGSTOP: it stands still and does not know it.</summary>
    public Task FreezeAsync() => SignalAsync("STOP");

    /// <summary>SIGCONT: it goes on as if no time had passed.</summary>
    public Task ThawAsync() => SignalAsync("CONT");

    /// <summary>SIGKILL to a training process of this worker; false where there is none.</summary>
    public bool KillTraining()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var id)) continue;
            try
            {
                var line = File.ReadAllText(Path.Combine(folder, "cmdline"));
                if (!line.Contains("run-task", StringComparison.Ordinal) || !line.Contains($"/{Name}/", StringComparison.Ordinal) || !line.Contains(_folder.Path, StringComparison.Ordinal)) continue;
                using var training = Process.GetProcessById(id);
                training.Kill();
                return true;
            }
            catch (Exception ended) when (ended is IOException or ArgumentException or InvalidOperationException)
            {
                // It ended between the listing and the look.
            }
        }

        return false;
    }

    private async Task EndAsync(string signal)
    {
        if (_process is null) return;
        await ServerFolder.EndAsync(_process, signal);
        _process.Dispose();
        _process = null;
    }

    private async Task SignalAsync(string signal)
    {
        if (Id is not { } id) return;
        using var kill = Process.Start("/bin/sh", ["-c", "kill -s \"$0\" \"$1\"", signal, id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }
}
