using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Api.Tests.Tasks;

/// <summary>What clients see of what was recorded: runs of a task, moves of an alias, tasks of an adapter.</summary>
[Collection(ApiCollection.Name)]
public sealed class TaskHistoryTests(ApiWorld world)
{
    // Without it a plus sign is written as an escape.
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public async Task Runs_OfATask_AreShownInOrderAndPaged()
    {
        using var client = await world.CreateTenantAsync();
        var task = await SubmitAsync(client);
        var taskId = (string)task["id"]!;
        await world.WithDatabaseAsync(async database =>
        {
            var tenantId = (await database.Tasks.SingleAsync(row => row.Id == taskId)).TenantId;
            for (var attempt = 1; attempt <= 3; attempt++)
            {
                database.Runs.Add(new TaskRun
                {
                    Id = Ids.New("run"),
                    TaskId = taskId,
                    TenantId = tenantId,
                    AdapterId = (string)task["adapter"]!,
                    WorkerId = "wrk_1",
                    WorkerName = "gpu-host:17",
                    Device = "cuda:1",
                    Attempt = attempt,
                    FromStep = attempt - 1,
                    StartedAt = DateTimeOffset.UnixEpoch,
                    EndedAt = attempt < 3 ? DateTimeOffset.UnixEpoch : null,
                    Outcome = attempt < 3 ? TaskRunOutcome.PutBack : null,
                    Reason = attempt < 3 ? "It stopped." : null,
                });
            }

            return await database.SaveChangesAsync();
        });

        var first = await client.GetNodeAsync($"/tasks/{taskId}/runs?limit=2");
        var second = await client.GetNodeAsync($"/tasks/{taskId}/runs?limit=2&cursor={first["nextCursor"]}");

        Assert.Equal(["attempt", "worker", "device", "fromStep", "startedAt", "endedAt", "outcome", "reason"], first["data"]![0]!.AsObject().Select(member => member.Key));
        Assert.Equal("""{"attempt":2,"worker":"gpu-host:17","device":"cuda:1","fromStep":1,"startedAt":"1970-01-01T00:00:00+00:00","endedAt":"1970-01-01T00:00:00+00:00","outcome":"put_back","reason":"It stopped."}""", first["data"]![1]!.ToJsonString(Plain));
        Assert.Equal([1, 2], first["data"]!.AsArray().Select(run => (int)run!["attempt"]!));
        Assert.Equal([3], second["data"]!.AsArray().Select(run => (int)run!["attempt"]!));
        Assert.Null(second["data"]![0]!["outcome"]);
        Assert.Null(second["nextCursor"]);
        using var bad = await client.GetAsync($"/tasks/{taskId}/runs?cursor=x", TestContext.Current.CancellationToken);
        await bad.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task Aliases_MovedTwice_ShowTheirTargetAndTheirHistory()
    {
        using var client = await world.CreateTenantAsync();
        var adapterId = (string)(await SubmitAsync(client))["adapter"]!;
        await world.WithDatabaseAsync(async database =>
        {
            database.Aliases.Add(new AdapterAlias { AdapterId = adapterId, Name = AdapterAlias.Live, VersionNumber = 2, UpdatedAt = DateTimeOffset.UnixEpoch });
            foreach (var (from, to) in new (int?, int)[] { (null, 1), (1, 2) })
                database.AliasChanges.Add(new AliasChange { Id = Ids.New("chg"), AdapterId = adapterId, Alias = AdapterAlias.Live, FromVersion = from, ToVersion = to, Actor = $"task_{to}", ChangedAt = DateTimeOffset.UnixEpoch });
            return await database.SaveChangesAsync();
        });

        var first = await client.GetNodeAsync($"/adapters/{adapterId}/aliases?limit=1");
        var second = await client.GetNodeAsync($"/adapters/{adapterId}/aliases?limit=1&cursor={first["nextCursor"]}");

        Assert.Equal("""[{"name":"live","version":2,"updatedAt":"1970-01-01T00:00:00+00:00"}]""", first["current"]!.ToJsonString(Plain));
        Assert.Equal("""[{"alias":"live","fromVersion":1,"toVersion":2,"actor":"task_2","changedAt":"1970-01-01T00:00:00+00:00"}]""", first["data"]!.ToJsonString(Plain));
        Assert.Equal("""[{"alias":"live","fromVersion":null,"toVersion":1,"actor":"task_1","changedAt":"1970-01-01T00:00:00+00:00"}]""", second["data"]!.ToJsonString(Plain));
        Assert.Null(second["nextCursor"]);
    }

    [Fact]
    public async Task List_OfOneAdapter_ShowsItsTasksAlone()
    {
        using var client = await world.CreateTenantAsync();
        foreach (var name in (string[])["a", "b"])
        {
            using var made = await client.PostTextAsync("/adapters", $$"""{"name": "{{name}}"}""");
            await made.ReadAsync(HttpStatusCode.Created);
        }

        var (first, _, third) = (await SubmitAsync(client, "a"), await SubmitAsync(client, "b"), await SubmitAsync(client, "a"));
        using var cancelled = await client.PostAsync($"/tasks/{first["id"]}/cancel", null, TestContext.Current.CancellationToken);

        Assert.Equal([(string?)third["id"], (string?)first["id"]], await IdsAsync("/tasks?adapter=a"));
        Assert.Equal([(string?)third["id"], (string?)first["id"]], await IdsAsync($"/tasks?adapter={first["adapter"]}"));
        Assert.Equal([(string?)first["id"]], await IdsAsync("/tasks?adapter=a&status=cancelled"));
        using var unknown = await client.GetAsync("/tasks?adapter=c", TestContext.Current.CancellationToken);
        await unknown.ProblemAsync(HttpStatusCode.NotFound, "not_found");
        // The queue is everybody's, and another test looks at places in it.
        using var ended = await client.PostAsync($"/tasks/{third["id"]}/cancel", null, TestContext.Current.CancellationToken);

        async Task<string?[]> IdsAsync(string path) => [.. (await client.GetNodeAsync(path))["data"]!.AsArray().Select(task => (string?)task!["id"])];
    }

    private static async Task<JsonNode> SubmitAsync(HttpClient client, string? adapter = null)
    {
        var body = new JsonObject { ["examples"] = Http.Examples() };
        if (adapter is not null) body["adapter"] = adapter;
        using var submitted = await client.PostNodeAsync("/tasks", body);
        return await submitted.ReadAsync(HttpStatusCode.Accepted);
    }
}
