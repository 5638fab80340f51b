using Xunit;

namespace ContinualService.EndToEnd;

/// <summary>Here and not in Api.Tests: the framework's measurements of requests know one service per process.</summary>
public sealed class MetricsTests
{
    [Fact(Timeout = 120_000)]
    public async Task Metrics_AfterRequests_CountThemByRouteAndLeaveProbesOut()
    {
        await using var service = new ServiceProcess();
        await service.StartAsync(); // by asking /health/ready
        await service.GetAsync("/adapters");

        // A request is counted just after its answer.
        var text = await ReadAsync();
        while (!text.Contains("http_route=\"/adapters/\"", StringComparison.Ordinal))
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
            text = await ReadAsync();
        }

        Assert.Contains("http_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"200\",http_route=\"/adapters/\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("/health", text, StringComparison.Ordinal);
        Assert.DoesNotContain("/metrics", text, StringComparison.Ordinal);

        Task<string> ReadAsync() => service.Client.GetStringAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken);
    }
}
