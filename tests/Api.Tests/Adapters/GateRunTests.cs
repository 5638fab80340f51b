using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Webhooks;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Api.Tests.Adapters;

/// <summary>Tasks that are really trained and judged.</summary>
public sealed class GateRunTests : IAsyncDisposable
{
    private readonly ApiWorld _world = new(new Dictionary<string, string>(), runsTasks: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Gate_RefusesACandidate_WhichStaysBesideTheLineageWhileTheNextTaskGoesOn()
    {
        var client = _world.Client;
        using (var made = await client.PostTextAsync("/adapters", """{"name": "gated", "rank": 4, "gate": {"largestForgetting": 0, "leastGain": -1000, "leastRows": 2}}""")) await made.ReadAsync(HttpStatusCode.Created);
        using (var hook = await client.PostTextAsync("/webhooks", """{"url": "https://hooks.invalid/", "events": ["adapter.version.published", "adapter.gate.refused"]}""")) await hook.ReadAsync(HttpStatusCode.Created);

        // Step 1: the first task has nothing to forget, and passes.
        var first = await LearnAsync("first", "question", epochs: 30);
        Assert.Equal((1, "pass", true), ((int)first["version"]!, (string?)first["gate"]!["verdict"], (bool)first["gate"]!["accepted"]!));
        Assert.Equal((1, 1, 1), await HeadAsync());

        // Step 2: the second wins less than it is asked to. It is a version, and neither head nor live.
        await PatchAsync("""{"gate": {"leastGain": 1000, "leastRows": 2}}""");
        using (var drift = await client.PutAsync("/adapters/gated/drift", new StringContent("""{"canaryKl": 0}""", null, "application/json"), Token)) await drift.ReadAsync(HttpStatusCode.OK);
        var second = await LearnAsync("second", "other");
        Assert.Equal((2, "refused", false), ((int)second["version"]!, (string?)second["gate"]!["verdict"], (bool)second["gate"]!["accepted"]!));
        Assert.Equal(["verdict", "accepted", "lambda", "criteria"], second["gate"]!.AsObject().Select(field => field.Key));
        Assert.Equal((1, 1, 1), await HeadAsync());
        var version = await client.GetNodeAsync("/adapters/gated/versions/2");
        Assert.Equal(("refused", 1, 2, (string?)second["id"]), ((string?)version["status"], (int)version["parent"]!, (int)version["taskIndex"]!, (string?)version["taskId"]));
        var criterion = version["gate"]!["criteria"]![0]!;
        Assert.Equal(("gain", 1, 1000.0, 2, "refused"), ((string?)criterion["criterion"], (int)criterion["against"]!, (double)criterion["limit"]!, (int)criterion["count"]!, (string?)criterion["verdict"]));
        Assert.NotEmpty(await client.GetByteArrayAsync("/adapters/gated/versions/2/download", Token));
        Assert.Equal([0, 1], (await client.GetNodeAsync("/adapters/gated/matrix"))["versions"]!.AsArray().Select(number => (int)number!));
        using (var answer = await client.PostTextAsync("/v1/chat/completions", """{"model": "gated@2", "messages": [{"role": "user", "content": "q"}], "max_tokens": 1}""")) await answer.ReadAsync(HttpStatusCode.OK);

        // Step 3: whoever waits for the job is told, and gets no name to answer with.
        var job = await client.GetNodeAsync($"/v1/fine_tuning/jobs/ftjob-{((string)second["id"]!)["task_".Length..]}");
        Assert.Equal(("succeeded", null, "refused", false), ((string?)job["status"], (string?)job["fine_tuned_model"], (string?)job["x_gate"]!["verdict"], (bool)job["x_gate"]!["accepted"]!));
        Assert.Equal("gain", (string?)job["x_gate"]!["criteria"]![0]!["criterion"]);
        var events = (await client.GetNodeAsync($"/v1/fine_tuning/jobs/{job["id"]}/events?limit=3"))["data"]!.AsArray();
        // It drifted as well, which is told of what goes live alone.
        Assert.NotEmpty(version["drift"]!["alarms"]!.AsArray());
        Assert.Equal(["succeeded", "gate_refused", "evaluated"], events.Select(each => (string?)each!["x_event"]));
        Assert.Equal("The gate keeps version 2 from answering: refused.", (string?)events[1]!["message"]);
        var told = await _world.WithDatabaseAsync(database => database.WebhookDeliveries.OrderBy(row => row.Id).Select(row => new { row.Type, row.DataJson }).ToListAsync(Token));
        Assert.Equal([WebhookTypes.Published, WebhookTypes.GateRefused], told.Select(each => each.Type));
        var data = JsonNode.Parse(told[1].DataJson)!;
        Assert.Equal((2, "refused"), ((int)data["version"]!, (string?)data["gate"]!["verdict"]));
        Assert.Contains("breaks the limit 1000", (string?)data["gate"]!["reasons"]![0], StringComparison.Ordinal);

        // Step 4: the third goes on from version 1, as its second task. Two rows are fewer than the usual thirty: nothing is decided, and this policy lets that pass.
        await PatchAsync("""{"gate": {"largestForgetting": 1000, "inconclusive": "accept"}}""");
        var third = await LearnAsync("third", "other");
        Assert.Equal((3, "inconclusive", true), ((int)third["version"]!, (string?)third["gate"]!["verdict"], (bool)third["gate"]!["accepted"]!));
        Assert.Equal((3, 3, 2), await HeadAsync());
        var after = await client.GetNodeAsync("/adapters/gated/versions/3");
        Assert.Equal((1, 2, "published"), ((int)after["parent"]!, (int)after["taskIndex"]!, (string?)after["status"]));
        // The same rows from the same state as the second: the refused run left no trace.
        Assert.Equal((string?)version["sha256"], (string?)after["sha256"]);

        // Step 5: the usual policy lets it not pass. Each earlier task is compared with the version of its best score, and the estimate is the matrix's forgetting.
        await PatchAsync("""{"gate": {"largestForgetting": 1000}}""");
        var fourth = await LearnAsync("fourth", "yet another");
        Assert.Equal(("inconclusive", false), ((string?)fourth["gate"]!["verdict"], (bool)fourth["gate"]!["accepted"]!));
        Assert.Equal((3, 3, 2), await HeadAsync());
        var judged = (await client.GetNodeAsync("/adapters/gated/versions/4"))["gate"]!["criteria"]!.AsArray();
        var cells = await _world.WithDatabaseAsync(database => database.MatrixCells.AsNoTracking().ToListAsync(Token));
        Assert.Equal([(string?)first["id"], (string?)third["id"]], judged.Select(each => (string?)each!["taskId"]));
        foreach (var each in judged)
        {
            var ofTask = cells.FindAll(cell => cell.TaskId == (string?)each!["taskId"]);
            Assert.Equal(ofTask.Where(cell => cell.VersionNumber is 1 or 3).MinBy(cell => cell.Score)!.VersionNumber, (int)each!["against"]!); // a loss
            Assert.Equal(ofTask.Single(cell => cell.VersionNumber == 4).Forgetting!.Value, (double)each["estimate"]!, 9);
        }

        // The first was learned best and has been forgotten since: its reference is not the version before.
        Assert.Equal(1, (int)judged[0]!["against"]!);
    }

    private async Task<(int Head, int Live, int Tasks)> HeadAsync()
    {
        var adapter = await _world.Client.GetNodeAsync("/adapters/gated");
        return ((int)adapter["headVersion"]!, (int)adapter["aliases"]!["live"]!, (int)adapter["taskCount"]!);
    }

    private async Task<JsonNode> PatchAsync(string body)
    {
        using var response = await _world.Client.PatchAsync("/adapters/gated", new StringContent(body, null, "application/json"), Token);
        return await response.ReadAsync(HttpStatusCode.OK);
    }

    // The loss, because a model that knows nothing answers every question wrong.
    private async Task<JsonNode> LearnAsync(string name, string word, int epochs = 3)
    {
        using var taken = await _world.Client.PostNodeAsync("/tasks", new JsonObject
        {
            ["adapter"] = "gated",
            ["name"] = name,
            ["examples"] = JsonNode.Parse($"[{Http.Rows.Replace('\n', ',').Replace("question", word, StringComparison.Ordinal).Replace("odd", word, StringComparison.Ordinal).Replace("even", $"not {word}", StringComparison.Ordinal)}]"),
            ["evaluation"] = new JsonObject { ["fraction"] = 0.2, ["metric"] = "loss" },
            ["hyperparameters"] = new JsonObject { ["epochs"] = epochs, ["seed"] = 1, ["learningRate"] = 0.01 },
        });
        var id = (string)(await taken.ReadAsync(HttpStatusCode.Accepted))["id"]!;
        JsonNode task;
        while ((string?)(task = await _world.Client.GetNodeAsync($"/tasks/{id}"))["status"] is "queued" or "running") await Task.Delay(50, Token);
        Assert.True((string?)task["status"] == "succeeded", task.ToJsonString());
        return task;
    }
}
