using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Unlearnings;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Api.Tests.Replays;

/// <summary>What replay and unlearn refuse, and how a queued one is shown and cancelled. Nothing is trained: the versions are rows.</summary>
[Collection(ApiCollection.Name)]
public sealed class RebuildRefusalTests(ApiWorld world)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Replay_WrongInput_IsRefusedWithWhatToDo()
    {
        var (adapterId, _) = await AdapterAsync("slao", 2);
        foreach (var (body, field) in new[]
        {
            ("""{"version": 0}""", "version"), ("""{"version": "1"}""", "version"), ("""{"tolerance": -0.1}""", "tolerance"), ("""{"tolerance": 2}""", "tolerance"), ("""{"mode": 1}""", "mode"),
        })
        {
            using var invalid = await world.Client.PostTextAsync($"/adapters/{adapterId}/replay", body);
            Assert.Equal([field], (await invalid.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
        }

        using (var unknown = await world.Client.PostTextAsync($"/adapters/{adapterId}/replay", """{"version": 3}"""))
            Assert.Contains("Version 3", Detail(await unknown.ProblemAsync(HttpStatusCode.NotFound, "not_found")), StringComparison.Ordinal);
        await RefusedAsync((await AdapterAsync("slao", 0)).AdapterId, "replay", "{}", "has learned nothing yet");
        await RefusedAsync((await AdapterAsync("slao", 1, imported: true)).AdapterId, "replay", "{}", "was imported");
        await RefusedAsync((await AdapterAsync("o-lora", 2, approximate: true)).AdapterId, "replay", "{}", "Version 2 was not trained");
    }

    [Fact]
    public async Task ReplayAndUnlearn_DeletedRows_NameTheDataSet()
    {
        var (adapterId, tasks) = await AdapterAsync("slao", 3);
        var (datasetId, sha256) = await world.WithDatabaseAsync(async database =>
        {
            var dataset = await database.Datasets.SingleAsync(row => row.Id == tasks[2].TrainDatasetId, Token);
            return (dataset.Id, dataset.Sha256);
        });
        await world.Services.GetRequiredService<IObjectStore>().DeleteAsync(sha256, Token);

        await RefusedAsync(adapterId, "replay", "{}", $"data set {datasetId} of task {tasks[2].Id} (task 3)");
        await RefusedAsync(adapterId, "unlearn", """{"task": 2}""", $"data set {datasetId} of task {tasks[2].Id} (task 3)");
        // The rows of a task that goes are not needed, nor is what a version before it did not learn from.
        await AcceptedAsync(adapterId, "replay", """{"version": 2}""");
        await AcceptedAsync(adapterId, "unlearn", """{"task": 3}""");
    }

    [Fact]
    public async Task Unlearn_WrongInput_IsRefusedWithWhatToDo()
    {
        var (adapterId, tasks) = await AdapterAsync("slao", 3);
        foreach (var (body, field) in new[]
        {
            ("{}", "task"), ("""{"task": 0}""", "task"), ("""{"task": 4}""", "task"), ("""{"task": 1.5}""", "task"), ("""{"task": true}""", "task"), ("""{"task": 1, "mode": "fast"}""", "mode"), ("""{"tasks": [1]}""", "tasks"),
        })
        {
            using var invalid = await world.Client.PostTextAsync($"/adapters/{adapterId}/unlearn", body);
            Assert.Equal([field], (await invalid.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
        }

        using (var unknown = await world.Client.PostTextAsync($"/adapters/{adapterId}/unlearn", """{"task": "task_none"}"""))
            Assert.Contains("task_none", Detail(await unknown.ProblemAsync(HttpStatusCode.NotFound, "not_found")), StringComparison.Ordinal);
        await RefusedAsync((await AdapterAsync("slao", 0)).AdapterId, "unlearn", """{"task": 1}""", "has learned no task here");
        await RefusedAsync((await AdapterAsync("slao", 1)).AdapterId, "unlearn", """{"task": 1}""", "is the only one");
        await RefusedAsync((await AdapterAsync("slao", 2, imported: true)).AdapterId, "unlearn", """{"task": 1}""", "rollback with {\"version\": 1}");
        await RefusedAsync(adapterId, "unlearn", """{"task": 1, "mode": "approximate"}""", "'slao'");
        await RefusedAsync(adapterId, "unlearn", """{"task": 1, "mode": "approximate"}""", "inclora, o-lora, ties, lorac-ipc");
        await RefusedAsync((await AdapterAsync("o-lora", 2)).AdapterId, "unlearn", """{"task": 2, "mode": "approximate"}""", "rollback with {\"version\": 1}");

        // Beside the lineage, and before it is learned.
        await world.WithDatabaseAsync(database => database.Adapters.Where(row => row.Id == adapterId).ExecuteUpdateAsync(set => set.SetProperty(row => row.HeadVersion, 2), Token));
        await RefusedAsync(adapterId, "unlearn", $$"""{"task": "{{tasks[2].Id}}"}""", "is not part of what version 2");
        var waiting = await SendAsync(adapterId, 4);
        await RefusedAsync(adapterId, "unlearn", $$"""{"task": "{{waiting}}"}""", "is queued and not learned yet");
        await RefusedAsync(adapterId, "unlearn", """{"task": 1}""", $"Task {waiting}");
    }

    [Fact]
    public async Task QueuedOnes_AreShownListedAndCancelled_AndAreNoTasks()
    {
        var (adapterId, _) = await AdapterAsync("slao", 3);
        using var stranger = await world.CreateTenantAsync();
        foreach (var (verb, list, body) in new[] { ("replay", "replays", """{"version": 2, "tolerance": 0.5}"""), ("unlearn", "unlearnings", """{"task": 1}""") })
        {
            var (made, location) = await AcceptedAsync(adapterId, verb, body);
            Assert.Equal($"/adapters/{adapterId}/{list}/{made["id"]}", location);
            Assert.Equal(("queued", 0.0), ((string)made["status"]!, (double)made["progress"]!["percent"]!));
            Assert.Equal(made.ToJsonString(), (await world.Client.GetNodeAsync(location)).ToJsonString());
            Assert.Equal([(string)made["id"]!], (await world.Client.GetNodeAsync($"/adapters/{adapterId}/{list}"))["data"]!.AsArray().Select(each => (string?)each!["id"]));
            using var foreign = await stranger.GetAsync(location, Token);
            await foreign.ProblemAsync(HttpStatusCode.NotFound, "not_found");
            using var delete = await world.Client.DeleteAsync($"/adapters/{adapterId}", Token);
            Assert.Contains($"/{list} shows", Detail(await delete.ProblemAsync(HttpStatusCode.Conflict, "wrong_state")), StringComparison.Ordinal);
            if (verb == "unlearn") await RefusedAsync(adapterId, "unlearn", """{"task": 2}""", "Another unlearning");

            using var cancelled = await world.Client.DeleteAsync(location, Token);
            Assert.Equal("cancelled", (string?)(await cancelled.ReadAsync(HttpStatusCode.Accepted))["status"]);
        }

        Assert.Equal(3, (await world.Client.GetNodeAsync($"/tasks?adapter={adapterId}"))["data"]!.AsArray().Count);
        Assert.Equal(["unlearning.cancel", "unlearning.create", "replay.cancel", "replay.create"], (await world.Client.GetNodeAsync("/audit"))["data"]!.AsArray().Take(4).Select(entry => (string?)entry!["action"]));
    }

    private static string Detail(JsonNode problem) => (string)problem["detail"]!;

    private async Task RefusedAsync(string adapterId, string verb, string body, string says)
    {
        using var response = await world.Client.PostTextAsync($"/adapters/{adapterId}/{verb}", body);
        Assert.Contains(says, Detail(await response.ProblemAsync(HttpStatusCode.Conflict, "wrong_state")), StringComparison.Ordinal);
    }

    private async Task<(JsonNode Made, string Location)> AcceptedAsync(string adapterId, string verb, string body)
    {
        using var response = await world.Client.PostTextAsync($"/adapters/{adapterId}/{verb}", body);
        return (await response.ReadAsync(HttpStatusCode.Accepted), response.Headers.Location!.ToString());
    }

    private async Task<string> SendAsync(string adapterId, int number)
    {
        using var taken = await world.Client.PostNodeAsync("/tasks", new JsonObject
        {
            ["adapter"] = adapterId,
            ["name"] = $"task {number}",
            ["examples"] = JsonNode.Parse(Http.Examples().ToJsonString().Replace("question", $"{adapterId} {number}", StringComparison.Ordinal)),
            ["evaluation"] = new JsonObject { ["fraction"] = 0.2, ["metric"] = "loss" },
        });
        return (string)(await taken.ReadAsync(HttpStatusCode.Accepted))["id"]!;
    }

    /// <summary>An adapter as so many tasks would have left it, the first of its versions imported or the last approximate where that is asked for.</summary>
    private async Task<(string AdapterId, IReadOnlyList<LearningTask> Tasks)> AdapterAsync(string method, int versions, bool imported = false, bool approximate = false)
    {
        using var response = await world.Client.PostNodeAsync("/adapters", new JsonObject { ["name"] = $"rebuild-{Guid.NewGuid():N}", ["rank"] = 4, ["method"] = method });
        var adapterId = (string)(await response.ReadAsync(HttpStatusCode.Created))["id"]!;
        List<string> ids = [];
        for (var number = imported ? 2 : 1; number <= versions; number++) ids.Add(await SendAsync(adapterId, number));
        var tasks = await world.WithDatabaseAsync(async database =>
        {
            var rows = await database.Tasks.Where(row => row.AdapterId == adapterId).OrderBy(row => row.Id).ToListAsync(Token);
            for (var number = 1; number <= versions; number++)
            {
                database.Versions.Add(new AdapterVersion
                {
                    Id = $"ver_{adapterId}_{number}",
                    AdapterId = adapterId,
                    Number = number,
                    Sha256 = "weights",
                    StateSha256 = "state",
                    Parent = number == 1 ? null : number - 1,
                    TaskId = imported ? number == 1 ? null : rows[number - 2].Id : rows[number - 1].Id,
                    TaskIndex = number,
                    Lambda = 1,
                    Unlearned = approximate && number == versions ? UnlearnMode.Approximate : null,
                });
            }

            foreach (var row in rows) (row.Status, row.FinishedAt) = (LearningTaskStatus.Succeeded, row.CreatedAt);
            (await database.Adapters.SingleAsync(row => row.Id == adapterId, Token)).HeadVersion = versions;
            await database.SaveChangesAsync(Token);
            return rows;
        });
        return (adapterId, tasks);
    }
}
