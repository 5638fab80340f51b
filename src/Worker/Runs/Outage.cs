using System.Net.Sockets;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.Extensions.Logging;

namespace ContinualService.Worker.Runs;

/// <summary>Bridges a database or an object store that does not answer for a while, so that its restart costs a run nothing but time.</summary>
internal sealed class Outage(TimeSpan patience, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    /// <summary>Repeats <paramref name="work"/> while it fails for want of an answer; it must be safe to repeat after it was done without our hearing of it.</summary>
    public async Task<T> BridgeAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        for (var pause = FirstPause; ; pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks)))
        {
            try
            {
                return await work();
            }
            catch (Exception fault) when (IsTransient(fault) && time.GetElapsedTime(began) < patience)
            {
                logger.Waiting(fault.GetBaseException().Message, time.GetElapsedTime(began).TotalSeconds);
                await Task.Delay(pause, time, cancellationToken);
            }
        }
    }

    public Task BridgeAsync(Func<Task> work, CancellationToken cancellationToken) =>
        BridgeAsync(
            async () =>
            {
                await work();
                return true;
            },
            cancellationToken);

    /// <summary>Whether the fault lies in the connection or in a server that starts or stops, and not in what was asked.</summary>
    internal static bool IsTransient(Exception fault)
    {
        if (DatabaseFault.IsTransient(fault)) return true;
        for (var at = fault; at is not null; at = at.InnerException)
            if (at is SocketException or TimeoutException or ObjectStoreUnavailableException)
                return true;
        return false;
    }
}
