using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Infrastructure.Storage;
using ContinualService.TestKit.Servers;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Api.Tests.Datasets;

/// <summary>The service with its objects in S3.</summary>
public sealed class ObjectStorageTests
{
    [Fact]
    public async Task Datasets_InS3_SurviveAnOutageThatIsAnsweredWithRetryAfter()
    {
        await using var server = await S3Server.StartNewAsync();
        var bucket = await server.CreateBucketAsync(TestContext.Current.CancellationToken);
        await using var world = new ApiWorld(new Dictionary<string, string>
        {
            ["Storage:Provider"] = "s3",
            ["Storage:S3:Endpoint"] = server.Endpoint,
            ["Storage:S3:Bucket"] = bucket,
            ["Storage:S3:AccessKey"] = server.AccessKey,
            ["Storage:S3:SecretKey"] = server.SecretKey,
        });
        using var stored = await world.Client.PostRowsAsync("/datasets", Http.Rows);
        var dataset = (string?)(await stored.ReadAsync(HttpStatusCode.Created))["id"];
        using var adapter = await world.Client.PostNodeAsync("/adapters", new JsonObject { ["name"] = "outage" });
        await adapter.ReadAsync(HttpStatusCode.Created);

        await server.StopAsync();
        using var refused = await SubmitAsync();
        await refused.ProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.NotNull(refused.Headers.RetryAfter);
        await server.StartAsync();

        using var taken = await SubmitAsync();
        await taken.ReadAsync(HttpStatusCode.Accepted);
        // Lengths are asked of this store as of the other.
        var storage = await world.Client.GetNodeAsync("/adapters/outage/storage");
        var rows = storage["tasks"]![0]!["parts"]![0]!;
        var kept = await world.Services.GetRequiredService<IObjectStore>().StatAsync((string)rows["sha256"]!, TestContext.Current.CancellationToken);
        Assert.Equal(kept!.SizeBytes, (long)rows["bytes"]!);
        Assert.Empty(storage["totals"]!["missing"]!.AsArray());

        Task<HttpResponseMessage> SubmitAsync() =>
            world.Client.PostNodeAsync("/tasks", new JsonObject { ["adapter"] = "outage", ["name"] = "task", ["datasetId"] = dataset });
    }
}
