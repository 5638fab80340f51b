using ContinualService.Infrastructure;
using Microsoft.Extensions.Hosting;

namespace ContinualService.Worker;

/// <summary>
/// Holds a lock file while this process runs tasks, so that two services never work on one folder: each would take the other's running tasks for lost.
/// The operating system frees a dead holder's lock at once.
/// </summary>
internal sealed class DataFolderOwnership(DataFolder data, TimeProvider time) : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private FileStream? _lock;

    // After the database's own set-up and before any other service starts.
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
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
                throw new IOException($"Another process already runs the tasks of {data.Root}. Stop it, or give this one a Data:Root of its own.", held);
            }
        }
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
}
