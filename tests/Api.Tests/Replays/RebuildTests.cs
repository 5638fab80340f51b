using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests.Replays;

/// <summary>Manifest, replay, unlearning and diff of adapters that really learn.</summary>
public sealed class RebuildTests : IAsyncLifetime
{
    private readonly ApiWorld _world = new(new Dictionary<string, string> { ["Training:Threads"] = "1" }, runsTasks: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Lineage_OfThreeTasks_IsReplayedToTheBitAndATaskIsTakenOutAsIfItHadNeverBeen()
    {
        await CreateAsync("bot");
        var (first, second, third) = (await LearnAsync("bot", "first"), await LearnAsync("bot", "second"), await LearnAsync("bot", "third"));

        // Step 1: the manifest.
        var manifest = await _world.Client.GetNodeAsync("/adapters/bot/versions/3/manifest");
        var adapter = await _world.Client.GetNodeAsync("/adapters/bot");
        Assert.Equal(("o-lora", 4, (string?)adapter["baseDigest"]), ((string)manifest["method"]!, (int)manifest["rank"]!, (string?)manifest["baseDigest"]));
        var steps = manifest["lineage"]!.AsArray();
        Assert.Equal([first, second, third], steps.Select(step => (string?)step!["taskId"]));
        Assert.Equal([5, 6, 5], steps.Select(step => (int)step!["hyperparameters"]!["seed"]!));
        foreach (var step in steps)
        {
            Assert.Equal((string?)(await _world.Client.GetNodeAsync($"/datasets/{step!["datasetId"]}"))["sha256"], (string?)step["datasetSha256"]);
            Assert.Equal(("cpu", 1), ((string)step["environment"]!["device"]!, (int)step["environment"]!["threads"]!));
            Assert.All(new[] { "code", "torch", "processor", "precision" }, field => Assert.NotEqual("", (string?)step["environment"]![field]));
        }

        // Step 2: replay.
        var replay = await MakeAsync("/adapters/bot/replay", "{}");
        Assert.Equal(("bit_identical", 3, 100.0), ((string)replay["verdict"]!, (int)replay["version"]!, (double)replay["progress"]!["percent"]!));
        Assert.Null(replay["diverged"]);
        foreach (var (version, number) in replay["versions"]!.AsArray().Zip([1, 2, 3]))
        {
            Assert.Equal((number, "bit_identical", true, 0), ((int)version!["version"]!, (string)version["verdict"]!, (bool)version["sameFiles"]!, (int)version["differing"]!));
            Assert.Empty(version["manifest"]!.AsArray());
            Assert.Equal(await DigestAsync(number), (string?)version["sha256"]);
        }

        Assert.Equal(3, (await VersionsAsync("bot")).Count);

        // Step 3: unlearn the second task.
        var unlearning = await MakeAsync("/adapters/bot/unlearn", """{"task": 2}""");
        Assert.Equal((second, "second", "exact", 3), ((string)unlearning["task"]!, (string)unlearning["taskName"]!, (string)unlearning["mode"]!, (int)unlearning["fromVersion"]!));
        Assert.Equal([4], Numbers(unlearning["versions"]!));
        Assert.Equal([2, 3], unlearning["stillHeldBy"]!.AsArray().Select(version => (int)version!["number"]!));
        var version4 = await _world.Client.GetNodeAsync("/adapters/bot/versions/4");
        Assert.Equal((1, third, 2, "exact", (string)unlearning["id"]!), ((int)version4["parent"]!, (string)version4["taskId"]!, (int)version4["taskIndex"]!, (string)version4["unlearned"]!, (string)version4["unlearningId"]!));
        adapter = await _world.Client.GetNodeAsync("/adapters/bot");
        Assert.Equal((4, 2), ((int)adapter["aliases"]!["live"]!, (int)adapter["taskCount"]!));
        var without = await _world.Client.GetNodeAsync("/adapters/bot/matrix");
        Assert.Equal([first, third], without["tasks"]!.AsArray().Select(task => (string)task!["id"]!));
        Assert.Equal([0, 1, 4], Numbers(without["versions"]!));
        Assert.Equal([first, third], (await _world.Client.GetNodeAsync("/adapters/bot/versions/4/manifest"))["lineage"]!.AsArray().Select(step => (string?)step!["taskId"]));

        // Step 4: the diff of with and without.
        var diff = await _world.Client.GetNodeAsync("/adapters/bot/versions/3/diff/4");
        Assert.False((bool)diff["sameWeights"]!);
        Assert.True((double)diff["differenceNorm"]! > 0);
        // The first task's pair stands in both; the third's was trained beside the second's in one of them.
        Assert.All(diff["layers"]!.AsArray(), layer => Assert.Equal(4, SharedDirections(layer!)));
        Assert.Equal((double)diff["differenceNorm"]!, Math.Sqrt(diff["layers"]!.AsArray().Sum(layer => Math.Pow((double)layer!["differenceNorm"]!, 2))), 12);
        Assert.Equal([first, second, third], diff["tasks"]!.AsArray().Select(task => (string?)task!["taskId"]));
        Assert.Equal((null, null), ((double?)diff["tasks"]![1]!["second"], (double?)diff["tasks"]![1]!["difference"]));
        foreach (var index in new[] { 0, 2 })
        {
            var task = diff["tasks"]![index]!;
            Assert.Equal((double)task["second"]!["score"]! - (double)task["first"]!["score"]!, (double)task["difference"]!, 12);
            Assert.InRange((double)task["difference"]!, (double)task["low"]!, (double)task["high"]!);
        }

        var same = await _world.Client.GetNodeAsync("/adapters/bot/versions/4/diff/4");
        Assert.Equal((true, 0.0), ((bool)same["sameWeights"]!, (double)same["differenceNorm"]!));

        // Step 5: never having had it: the first task, then the third.
        await RollBackAsync(1);
        await LearnAsync("bot", "third");
        Assert.Equal(await DigestAsync(5), await DigestAsync(4));
        Assert.Equal(await _world.Client.GetByteArrayAsync("/adapters/bot/versions/5/download?format=state", Token), await _world.Client.GetByteArrayAsync("/adapters/bot/versions/4/download?format=state", Token));
        var never = await _world.Client.GetNodeAsync("/adapters/bot/matrix");
        Assert.Equal(Scores(never), Scores(without));

        // Step 6: from the same version once more, at once: the pair is gone, and the others stand as they were. What was measured of version 1 before stands, too.
        await RollBackAsync(3);
        var approximate = await MakeAsync("/adapters/bot/unlearn", $$"""{"task": "{{second}}", "mode": "approximate"}""");
        Assert.Equal("approximate", (string?)approximate["mode"]);
        Assert.Equal([6], Numbers(approximate["versions"]!));
        Assert.Equal([2, 3], approximate["stillHeldBy"]!.AsArray().Select(version => (int)version!["number"]!));
        var version6 = await _world.Client.GetNodeAsync("/adapters/bot/versions/6");
        Assert.Equal((1, third, 2, "approximate"), ((int)version6["parent"]!, (string)version6["taskId"]!, (int)version6["taskIndex"]!, (string)version6["unlearned"]!));
        Assert.NotEqual(await DigestAsync(4), await DigestAsync(6));
        Assert.All((await _world.Client.GetNodeAsync("/adapters/bot/versions/3/diff/6"))["layers"]!.AsArray(), layer => Assert.Equal(8, SharedDirections(layer!)));

        // Step 7: the first task: both that came after it are made again, one on the other, and the names move once.
        await RollBackAsync(3);
        var whole = await MakeAsync("/adapters/bot/unlearn", """{"task": 1, "mode": "approximate"}""");
        Assert.Equal([7, 8], Numbers(whole["versions"]!));
        var (version7, version8) = (await _world.Client.GetNodeAsync("/adapters/bot/versions/7"), await _world.Client.GetNodeAsync("/adapters/bot/versions/8"));
        Assert.Equal((null, second, 1), ((int?)version7["parent"], (string)version7["taskId"]!, (int)version7["taskIndex"]!));
        Assert.Equal((7, third, 2), ((int)version8["parent"]!, (string)version8["taskId"]!, (int)version8["taskIndex"]!));
        Assert.NotNull((double?)version8["metrics"]!["forgetting"]);
        var moved = (await _world.Client.GetNodeAsync("/adapters/bot/aliases"))["data"]![0]!;
        Assert.Equal((3, 8), ((int)moved["fromVersion"]!, (int)moved["toVersion"]!));
        using (var refused = await _world.Client.PostTextAsync("/adapters/bot/replay", "{}"))
            Assert.Contains("Version 7 was not trained", (string?)(await refused.ProblemAsync(HttpStatusCode.Conflict, "wrong_state"))["detail"], StringComparison.Ordinal);
        var audit = await _world.Client.GetNodeAsync("/audit");
        Assert.Equal("unlearning.create", (string?)audit["data"]![0]!["action"]);

        IEnumerable<(double Score, double Low, double High, int Count)> Scores(JsonNode matrix) => matrix["cells"]!.AsArray().Select(cell => ((double)cell!["score"]!, (double)cell["low"]!, (double)cell["high"]!, (int)cell["n"]!));
    }

    // By rows: how many columns there are depends on the layer.
    private static int SharedDirections(JsonNode layer) => layer["rowAngles"]!.AsArray().Count(angle => (double)angle! < 1e-3);

    private static List<int> Numbers(JsonNode array) => [.. array.AsArray().Select(number => (int)number!)];

    private async Task<JsonArray> VersionsAsync(string adapter) => (await _world.Client.GetNodeAsync($"/adapters/{adapter}/versions"))["data"]!.AsArray();

    private async Task<string?> DigestAsync(int number) => (string?)(await _world.Client.GetNodeAsync($"/adapters/bot/versions/{number.ToString(CultureInfo.InvariantCulture)}"))["sha256"];

    private async Task RollBackAsync(int number)
    {
        using var response = await _world.Client.PostNodeAsync("/adapters/bot/rollback", new JsonObject { ["version"] = number });
        await response.ReadAsync(HttpStatusCode.OK);
    }

    private Task<JsonNode> MakeAsync(string path, string body) => _world.Client.MakeAsync(path, body);

    private async Task CreateAsync(string name)
    {
        using var response = await _world.Client.PostNodeAsync("/adapters", new JsonObject { ["name"] = name, ["rank"] = 4, ["method"] = "o-lora" });
        await response.ReadAsync(HttpStatusCode.Created);
    }

    private async Task<string> LearnAsync(string adapter, string name)
    {
        using var taken = await _world.Client.PostNodeAsync("/tasks", new JsonObject
        {
            ["adapter"] = adapter,
            ["name"] = name,
            ["examples"] = JsonNode.Parse(Http.Examples().ToJsonString().Replace("question", name, StringComparison.Ordinal)),
            ["evaluation"] = new JsonObject { ["fraction"] = 0.2, ["metric"] = "loss" },
            ["hyperparameters"] = new JsonObject { ["epochs"] = 2, ["seed"] = name.Length, ["learningRate"] = 0.01 },
        });
        var id = (string)(await taken.ReadAsync(HttpStatusCode.Accepted))["id"]!;
        string? status;
        while ((status = (string?)(await _world.Client.GetNodeAsync($"/tasks/{id}"))["status"]) is "queued" or "running") await Task.Delay(50, Token);
        Assert.Equal("succeeded", status);
        return id;
    }
}
