namespace ContinualService.Infrastructure.Database;

/// <summary>An exclusive lock on a file between processes; the operating system lets go of a dead holder's.</summary>
internal static class FileLock
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits for the lock; disposing the stream releases it.</summary>
    public static async Task<FileStream> TakeAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                // Another process holds it.
                await Task.Delay(Pause, cancellationToken);
            }
        }
    }
}
