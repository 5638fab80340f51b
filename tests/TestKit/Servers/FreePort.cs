using System.Net;
using System.Net.Sockets;

namespace ContinualService.TestKit.Servers;

/// <summary>Ports of this machine that nobody listens on.</summary>
internal static class FreePort
{
    // Below the kernel's range for outgoing connections: one of those could take the port of a server that is stopped for a moment.
    private const int Lowest = 20_000;
    private const int AboveHighest = 32_000;
    private static readonly Random Choice = new(HashCode.Combine(Environment.ProcessId, Environment.TickCount64));
    private static readonly HashSet<int> Given = [];

    /// <summary>A port that was free a moment ago and was not given before; another program may still take it first.</summary>
    public static int Next()
    {
        lock (Given)
        {
            while (true)
            {
                var port = Choice.Next(Lowest, AboveHighest);
                if (!Given.Contains(port) && IsFree(port) && Given.Add(port)) return port;
            }
        }
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false; // Someone listens there.
        }
    }
}
