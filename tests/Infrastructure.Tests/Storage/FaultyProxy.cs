using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ContinualService.Infrastructure.Tests.Storage;

/// <summary>Passes connections on to a server, keeps what the client sent first, and breaks a connection where a test says so.</summary>
internal sealed class FaultyProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly int _serverPort;
    private long _breakDownload = long.MaxValue;
    private long _breakUpload = long.MaxValue;
    private int _breaks;

    public FaultyProxy(string server)
    {
        _serverPort = new Uri(server).Port;
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Endpoint => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Connections broken so far.</summary>
    public int Breaks => _breaks;

    /// <summary>What came from clients, piece by piece.</summary>
    public ConcurrentQueue<string> Sent { get; } = new();

    /// <summary>The next connection that has carried this many bytes from the server breaks.</summary>
    public void BreakDownloadAfter(long bytes) => Volatile.Write(ref _breakDownload, bytes);

    /// <summary>The next connection that has carried this many bytes to the server breaks.</summary>
    public void BreakUploadAfter(long bytes) => Volatile.Write(ref _breakUpload, bytes);

    public void Dispose()
    {
        _stopping.Cancel();
        _listener.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = PassAsync(await _listener.AcceptTcpClientAsync(_stopping.Token));
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task PassAsync(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient())
        {
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _serverPort);
                var up = PumpAsync(client.GetStream(), server.GetStream(), isUpload: true);
                var down = PumpAsync(server.GetStream(), client.GetStream(), isUpload: false);
                await await Task.WhenAny(up, down);
            }
            catch (Exception broken) when (broken is IOException or SocketException or ObjectDisposedException)
            {
                // One side has closed; the other follows.
            }
        }
    }

    private async Task PumpAsync(NetworkStream from, NetworkStream to, bool isUpload)
    {
        var buffer = new byte[1 << 14];
        var passed = 0L;
        int read;
        while ((read = await from.ReadAsync(buffer)) > 0)
        {
            passed += read;
            if (isUpload) Sent.Enqueue(Encoding.Latin1.GetString(buffer, 0, Math.Min(read, 2000)));
            ref var limit = ref isUpload ? ref _breakUpload : ref _breakDownload;
            if (passed >= Volatile.Read(ref limit))
            {
                Volatile.Write(ref limit, long.MaxValue);
                Interlocked.Increment(ref _breaks);
                return;
            }

            await to.WriteAsync(buffer.AsMemory(0, read));
        }
    }
}
