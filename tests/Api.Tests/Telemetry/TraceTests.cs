using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace ContinualService.Api.Tests.Telemetry;

public sealed class TraceTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Trace_OfATask_SpansTheRequestAndTheRunWithItsPhases()
    {
        var spans = new ConcurrentBag<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "ContinualService" or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Add,
        };
        ActivitySource.AddActivityListener(listener);
        await using var world = new ApiWorld(new Dictionary<string, string>(), runsTasks: true);
        using var client = new Activity("client").Start();

        var task = await SubmitAsync(world);
        client.Stop();
        await UntilAsync(() => spans.Any(span => IsRunOf(span, task)));

        var run = spans.Single(span => IsRunOf(span, task));
        Assert.Equal(client.TraceId, run.TraceId);
        Assert.Equal("succeeded", run.GetTagItem("continual.outcome"));
        Assert.Equal(1, run.GetTagItem("continual.attempt"));
        Assert.StartsWith("wrk_", (string?)run.GetTagItem("continual.worker.id"), StringComparison.Ordinal);
        Assert.StartsWith("adp_", (string?)run.GetTagItem("continual.adapter.id"), StringComparison.Ordinal);
        var request = spans.Single(span => span.SpanId == run.ParentSpanId);
        Assert.Equal(("Microsoft.AspNetCore", client.TraceId), (request.Source.Name, request.TraceId));
        var phases = spans.Where(span => span.ParentSpanId == run.SpanId).OrderBy(span => span.StartTimeUtc).Select(span => span.OperationName);
        Assert.Equal(["preparing", "training", "merging", "evaluating", "publishing"], phases);
    }

    [Fact(Timeout = 120_000)]
    public async Task Spans_WithAnEndpointInTheSettings_ArriveThere()
    {
        var bodies = new ConcurrentBag<byte[]>();
        await using var collector = await StartCollectorAsync(bodies);
        using var client = new Activity("client").Start();
        client.ActivityTraceFlags = ActivityTraceFlags.Recorded;

        await using var world = new ApiWorld(new Dictionary<string, string> { ["Telemetry:OtlpEndpoint"] = collector.Urls.Single(), ["OTEL_BSP_SCHEDULE_DELAY"] = "100" });

        var traceId = Convert.FromHexString(client.TraceId.ToHexString());
        while (!bodies.Any(body => body.AsSpan().IndexOf(traceId) >= 0 && body.AsSpan().IndexOf("continual-api"u8) >= 0))
        {
            await world.Client.GetNodeAsync("/adapters");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    private static bool IsRunOf(Activity span, string task) => span.OperationName == "run" && (string?)span.GetTagItem("continual.task.id") == task;

    private static async Task<string> SubmitAsync(ApiWorld world)
    {
        using var taken = await world.Client.PostNodeAsync("/tasks", new JsonObject
        {
            ["name"] = "traced",
            ["examples"] = Http.Examples(),
            ["hyperparameters"] = new JsonObject { ["epochs"] = 1 },
        });
        return (string)(await taken.ReadAsync(HttpStatusCode.Accepted))["id"]!;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition()) await Task.Delay(100, Token);
    }

    /// <summary>Takes whatever comes over gRPC, as a collector does.</summary>
    private static async Task<WebApplication> StartCollectorAsync(ConcurrentBag<byte[]> bodies)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var collector = builder.Build();
        collector.Run(async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body, http.RequestAborted);
            bodies.Add(body.ToArray());
            http.Response.ContentType = "application/grpc";
            // An empty message after its five bytes of length, and gRPC's "no error".
            await http.Response.Body.WriteAsync(new byte[5], http.RequestAborted);
            http.Response.AppendTrailer("grpc-status", "0");
        });
        await collector.StartAsync(Token);
        return collector;
    }
}
