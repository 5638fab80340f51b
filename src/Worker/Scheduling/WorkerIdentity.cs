using ContinualService.Domain;
using ContinualService.Infrastructure;
using Microsoft.Extensions.Hosting;

namespace ContinualService.Worker.Scheduling;

/// <summary>
/// Who this worker is: an id kept in its data folder, so that after a crash it knows its own leases at once instead of waiting for their end. A lock file
/// beside it keeps a second process off the folder; the operating system frees a dead holder's lock at once.
/// </summary>
internal sealed class WorkerIdentity(DataFolder data, TimeProvider time) : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private FileStream? _lock;

    /// <summary>Such as <c>wrk_0198…</c>; there after <see cref="StartingAsync"/>.</summary>
    public string Id { get; private set; } = "";

    /// <summary>Host and process, for people.</summary>
    public string Name { get; } = FormattableString.Invariant($"{Environment.MachineName}:{Environment.ProcessId}");

    // After the database's own set-up and before any other service starts.
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(data.Root);
        var path = Path.Combine(data.Root, "worker.lock");
        var began = time.GetUtcNow();
        while (_lock is null)
        {
            try
            {
                _lock = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path) && time.GetUtcNow() - began < Patience)
            {
                // A service that is just stopping frees it soon.
                await Task.Delay(Pause, time, cancellationToken);
            }
            catch (IOException held) when (File.Exists(path))
            {
                throw new IOException($"Another process already runs tasks with {data.Root}. Stop it, or give this one a Data:Root of its own.", held);
            }
        }

        Id = await ReadIdAsync(Path.Combine(data.Root, "worker-id"), cancellationToken);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _lock?.Dispose();
        _lock = null;
    }

    private static async Task<string> ReadIdAsync(string path, CancellationToken cancellationToken)
    {
        if (File.Exists(path) && (await File.ReadAllTextAsync(path, cancellationToken)).Trim() is { Length: > 0 } known) return known;
        var fresh = Ids.New("wrk");
        await File.WriteAllTextAsync(path, fresh, cancellationToken);
        return fresh;
    }
}
