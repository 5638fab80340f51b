using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace ContinualService.Deploy.Tests.Images;

public sealed class HealthCheckTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK", true)]
    [InlineData("HTTP/1.1 503 Service Unavailable", false)]
    [InlineData("HTTP/1.1 404 Not Found", false)]
    public async Task HealthCheck_OnAnAnswer_IsHealthyOnlyWith200(string statusLine, bool healthy)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var asked = AnswerOnceAsync(listener, statusLine);

        var result = await CheckAsync(((IPEndPoint)listener.LocalEndpoint).Port, ServiceRoutes.Ready);

        Assert.Equal($"GET {ServiceRoutes.Ready} HTTP/1.1", await asked);
        Assert.Equal(healthy, result.Status == 0);
    }

    [Fact]
    public async Task HealthCheck_WhereNobodyListens_IsUnhealthy()
    {
        int port;
        using (var listener = new TcpListener(IPAddress.Loopback, 0))
        {
            listener.Start();
            port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        Assert.NotEqual(0, (await CheckAsync(port, ServiceRoutes.Live)).Status);
    }

    [Fact]
    public async Task HealthCheck_OfAProcessThatHangs_IsUnhealthyWithinItsTime()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();

        Assert.NotEqual(0, (await CheckAsync(((IPEndPoint)listener.LocalEndpoint).Port, ServiceRoutes.Live)).Status);
    }

    private static Task<ToolResult> CheckAsync(int port, string path) =>
        Tool.RunAsync(Repository.PathOf("deploy/health-check.sh"), [port.ToString(CultureInfo.InvariantCulture), path]);

    private static async Task<string?> AnswerOnceAsync(TcpListener listener, string statusLine)
    {
        using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await using var stream = client.GetStream();
        using var reader = new StreamReader(stream);
        var request = await reader.ReadLineAsync(TestContext.Current.CancellationToken);
        // To the empty line: closing a connection with unread bytes resets it, and the answer may be lost.
        while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { Length: > 0 })
        {
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{statusLine}\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        return request;
    }
}
