using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Webhooks;
using ContinualService.Engine.Lora;
using Microsoft.EntityFrameworkCore;
using TorchSharp;
using Xunit;

namespace ContinualService.Api.Tests.Previews;

public sealed class PreviewTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("previews-").FullName;
    private readonly ApiWorld _world = new(new Dictionary<string, string>(), runsTasks: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await CreateAsync("bot");
        await LearnAsync("bot", "first");
        await LearnAsync("bot", "second");
    }

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Preview_Usual_GivesTheCurveForNineEvaluationsAndAdoptsOneOfIt()
    {
        await ListenAsync();
        var own = 1 / Math.Sqrt(2);
        var preview = await PreviewAsync("bot", "{}");

        // Step 1: the curve. Nine lambdas are measured; the method's own was, when version 2 was published.
        var measured = await _world.WithDatabaseAsync(database => database.Runs.CountAsync(row => row.TaskId == database.MergePreviews.Single().TaskId, Token));
        Assert.Equal(1, measured);
        Assert.Equal(0, await _world.WithDatabaseAsync(database => database.StepMetrics.CountAsync(row => row.TaskId == database.MergePreviews.Single().TaskId, Token)));
        var curve = preview["curve"]!.AsArray();
        Assert.Equal([0, .125, .25, .375, .5, .625, own, .75, .875, 1], curve.Select(point => (double)point!["lambda"]!));
        Assert.Equal([own], curve.Where(point => (bool)point!["own"]!).Select(point => (double)point!["lambda"]!));
        Assert.Equal((10, 100.0), ((int)preview["progress"]!["measured"]!, (double)preview["progress"]!["percent"]!));
        var matrix = await _world.Client.GetNodeAsync("/adapters/bot/matrix");
        var (first, second) = ((string)matrix["tasks"]![0]!["id"]!, (string)matrix["tasks"]![1]!["id"]!);
        foreach (var point in curve)
        {
            Assert.Equal([first, second], point!["perTask"]!.AsArray().Select(task => (string?)task!["taskId"]));
            var scores = point["perTask"]!.AsArray().Select(task => (double)task!["score"]!["score"]!).ToList();
            Assert.Equal(scores.Average(), (double)point["averageAccuracy"]!, 12);
            Assert.Equal(scores[1], (double)point["newTask"]!["score"]!);
            Assert.Equal(scores[1] - Cell(1, second), (double)point["gain"]!, 12);
            Assert.Equal(Cell(1, first) - scores[0], (double)point["forgetting"]!["mean"]!, 12);
            Assert.Equal((double)point["forgetting"]!["mean"]!, (double)point["forgetting"]!["worst"]!);
            // One earlier task: its interval turned around its best score before.
            var score = point["perTask"]![0]!["score"]!;
            Assert.Equal(Cell(1, first) - (double)score["high"]!, (double)point["forgetting"]!["low"]!, 12);
            Assert.Equal(Cell(1, first) - (double)score["low"]!, (double)point["forgetting"]!["high"]!, 12);
        }

        Assert.Equal([Cell(2, first), Cell(2, second)], curve.Single(point => (bool)point!["own"]!)!["perTask"]!.AsArray().Select(task => (double)task!["score"]!["score"]!));
        Assert.Contains(curve, point => (bool)point!["pareto"]!);
        var best = curve.Max(point => (double)point!["averageAccuracy"]!);
        Assert.Equal(best, (double)curve.Single(point => (double)point!["lambda"]! == (double)preview["chosen"]!["lambda"]!)!["averageAccuracy"]!);

        // Step 2: adopt.
        var version = await AdoptAsync(preview, 0.375, HttpStatusCode.Created);
        Assert.Equal((3, 1, second, 2, .375), ((int)version["number"]!, (int)version["parent"]!, (string)version["taskId"]!, (int)version["taskIndex"]!, (double)version["lambda"]!));
        Assert.Equal((string)preview["id"]!, (string?)version["mergePreviewId"]);
        var adapter = await _world.Client.GetNodeAsync("/adapters/bot");
        Assert.Equal((3, 2), ((int)adapter["aliases"]!["live"]!, (int)adapter["taskCount"]!));
        var after = await _world.Client.GetNodeAsync("/adapters/bot/matrix");
        Assert.Equal([0, 1, 3], after["versions"]!.AsArray().Select(number => (int)number!));
        var adopted = curve.Single(point => (double)point!["lambda"]! == .375)!;
        Assert.Equal(
            adopted["perTask"]!.AsArray().Select(task => (double)task!["score"]!["score"]!),
            after["cells"]!.AsArray().Where(cell => (int)cell!["version"]! == 3).Select(cell => (double)cell!["score"]!));
        Assert.Equal((double)adopted["averageAccuracy"]!, (double)version["metrics"]!["averageAccuracy"]!, 12);
        Assert.Equal((double)adopted["forgetting"]!["mean"]!, (double)version["metrics"]!["forgetting"]!, 12);
        await AssertMergedAsync(3, _ => .375);

        // Step 3: it is told of, as any version, and the preview itself as nothing.
        Assert.Equal([WebhookTypes.Published], await _world.WithDatabaseAsync(database => database.WebhookDeliveries.Select(row => row.Type).ToListAsync(Token)));
        var audit = await _world.Client.GetNodeAsync("/audit");
        Assert.Equal(["preview.adopt", "preview.create"], audit["data"]!.AsArray().Take(2).Select(entry => (string?)entry!["action"]));
        Assert.Equal([3], (await _world.Client.GetNodeAsync($"/adapters/bot/merge-previews/{preview["id"]}"))["adoptedVersions"]!.AsArray().Select(number => (int)number!));

        // Step 4: the head has moved; the preview is of another version now.
        Assert.Contains("version 3 by now", (string?)(await AdoptAsync(preview, .5, HttpStatusCode.Conflict))["detail"], StringComparison.Ordinal);

        // Step 5: a lambda for each layer is a point like another, and a version of its own.
        var scheduled = await PreviewAsync("bot", """{"lambdas": [0.375], "schedules": [{"layers": [0.25, 1]}, {"from": 0.2, "to": 0.8}]}""");
        Assert.Equal(["0.25,1", "0.2..0.8"], scheduled["schedules"]!.AsArray().Select(name => (string?)name));
        Assert.Equal([(.375, null), (own, null), (.5, "0.2..0.8"), (.625, "0.25,1")], Points(scheduled));
        using (var asked = await _world.Client.PostNodeAsync("/v1/completions", new JsonObject { ["model"] = $"bot@{scheduled["id"]}:0.25,1", ["prompt"] = "red", ["max_tokens"] = 1 })) await asked.ReadAsync(HttpStatusCode.OK);
        var byLayer = await _world.Client.AdoptAsync(scheduled, new JsonObject { ["schedule"] = "0.2..0.8" });
        Assert.Equal((4, 1, .5, "0.2..0.8"), ((int)byLayer["number"]!, (int)byLayer["parent"]!, (double)byLayer["lambda"]!, (string?)byLayer["schedule"]));
        await AssertMergedAsync(4, layer => layer == 0 ? .2 : .8);

        // Step 6: the next preview starts from the schedule, whose mean is not taken for a lambda; and version 2 has measured its own.
        var again = await PreviewAsync("bot", """{"lambdas": [0.5], "schedules": [{"from": 0.2, "to": 0.8}]}""");
        Assert.Equal([(.5, null), (own, null), (.5, "0.2..0.8")], Points(again));
        Assert.NotEqual((double)again["curve"]![0]!["averageAccuracy"]!, (double)again["curve"]![2]!["averageAccuracy"]!);
        Assert.Equal(Score(scheduled["curve"]![2]!), Score(again["curve"]![2]!));
        Assert.Contains("0.2..0.8 already", (string?)(await _world.Client.AdoptAsync(again, new JsonObject { ["schedule"] = "0.2..0.8" }, HttpStatusCode.Conflict))["detail"], StringComparison.Ordinal);
        await AdoptAsync(again, own, HttpStatusCode.Created);
        Assert.Equal((string?)(await _world.Client.GetNodeAsync("/adapters/bot/versions/2"))["sha256"], (string?)(await _world.Client.GetNodeAsync("/adapters/bot/versions/5"))["sha256"]);
        await LearnAsync("bot", "third");
        var third = await _world.Client.GetNodeAsync("/adapters/bot/versions/6");
        Assert.Equal((5, 3), ((int)third["parent"]!, (int)third["taskIndex"]!));

        // Step 7: training with a schedule gives the bytes that adopting it gave, and what is made again without an earlier task keeps it.
        await _world.Client.AdoptAsync(await PreviewAsync("bot", """{"lambdas": [1], "schedules": [{"layers": [0, 1]}], "policy": {"objective": "newTask"}}"""), new JsonObject { ["schedule"] = "0,1" });
        Assert.Equal([8], (await _world.Client.MakeAsync("/adapters/bot/unlearn", """{"task": 2}"""))["versions"]!.AsArray().Select(number => (int)number!));
        var manifest = (await _world.Client.GetNodeAsync("/adapters/bot/versions/8/manifest"))["lineage"]!.AsArray();
        Assert.Equal([(1, null), (8, "0,1")], manifest.Select(step => ((int)step!["version"]!, (string?)step["schedule"])));
        var lineage = await _world.Client.GetNodeAsync("/adapters/bot/lineage");
        Assert.Equal([null, null, null, "0.2..0.8", null, null, "0,1", "0,1"], lineage["nodes"]!.AsArray().Select(node => (string?)node!["schedule"]));
        Assert.Equal("bit_identical", (string?)(await _world.Client.MakeAsync("/adapters/bot/replay", """{"version": 7}"""))["verdict"]);

        static IEnumerable<(double, string?)> Points(JsonNode preview) => preview["curve"]!.AsArray().Select(point => ((double)point!["lambda"]!, (string?)point["schedule"]));

        static double Score(JsonNode point) => (double)point["averageAccuracy"]!;

        double Cell(int number, string task) => (double)matrix["cells"]!.AsArray().Single(cell => (int)cell!["version"]! == number && (string?)cell["task"] == task)!["score"]!;
    }

    [Fact]
    public async Task Adopt_WithAGate_TakesWhatPassesItAndTheRestForAReason()
    {
        // Step 1: what was measured before there was a gate is not adopted past it.
        var ungated = await PreviewAsync("bot", """{"lambdas": [0.25]}""");
        Assert.All(ungated["curve"]!.AsArray(), point => Assert.Null(point!["gate"]));
        await GateAsync("""{"largestForgetting": 1000, "leastGain": 1000, "leastRows": 2}""");
        Assert.Contains("set or changed after", (string?)(await AdoptAsync(ungated, .25, HttpStatusCode.Conflict))["detail"], StringComparison.Ordinal);

        // Step 2: every point is judged, version 2's merge too, and by just the scores that the curve shows.
        var refused = await PreviewAsync("bot", """{"lambdas": [0.25]}""");
        Assert.Equal(2, refused["curve"]!.AsArray().Count);
        foreach (var point in refused["curve"]!.AsArray())
        {
            var gate = point!["gate"]!;
            Assert.Equal(("refused", false, (double)point["lambda"]!), ((string?)gate["verdict"], (bool)gate["accepted"]!, (double)gate["lambda"]!));
            Assert.Equal(["verdict", "accepted", "lambda", "criteria"], gate.AsObject().Select(field => field.Key));
            Assert.Equal([("forgetting", 1), ("gain", 1)], gate["criteria"]!.AsArray().Select(each => ((string)each!["criterion"]!, (int)each["against"]!)));
            Assert.Equal((double)point["perTask"]![0]!["forgetting"]!, (double)gate["criteria"]![0]!["estimate"]!, 9);
            Assert.Equal((double)point["gain"]!, (double)gate["criteria"]![1]!["estimate"]!, 9);
        }

        Assert.Null((double?)refused["chosen"]!["lambda"]);
        Assert.Contains("breaks the limit 1000", (string?)(await AdoptAsync(refused, .25, HttpStatusCode.Conflict))["detail"], StringComparison.Ordinal);
        var empty = await _world.Client.AdoptAsync(refused, new JsonObject { ["lambda"] = .25, ["override"] = " " }, HttpStatusCode.BadRequest);
        Assert.Equal(["override"], empty.Fields());

        // Step 3: a verdict of another policy counts for nothing, and for a reason that is kept what is refused goes through.
        await GateAsync("""{"leastGain": 1000, "leastRows": 2}""");
        var other = await _world.Client.AdoptAsync(refused, new JsonObject { ["lambda"] = .25, ["override"] = "the demo needs it" }, HttpStatusCode.Conflict);
        Assert.Contains("set or changed after", (string?)other["detail"], StringComparison.Ordinal);
        await GateAsync("""{"largestForgetting": 1000, "leastGain": 1000, "leastRows": 2}""");
        var version = await _world.Client.AdoptAsync(refused, new JsonObject { ["lambda"] = .25, ["override"] = " the demo needs it " });
        Assert.Equal((3, "published", "refused", "the demo needs it"), ((int)version["number"]!, (string?)version["status"], (string?)version["gate"]!["verdict"], (string?)version["override"]!["reason"]));
        Assert.Equal(3, (int)(await _world.Client.GetNodeAsync("/adapters/bot"))["aliases"]!["live"]!);
        var audit = (await _world.Client.GetNodeAsync("/audit"))["data"]!.AsArray().Take(2).ToList();
        Assert.Equal(["adapter.gate.override", "preview.adopt"], audit.Select(entry => (string?)entry!["action"]).Order());

        // Step 4: what passes needs none.
        await GateAsync("""{"largestForgetting": 1000, "leastGain": -1000, "leastRows": 2}""");
        var passed = await PreviewAsync("bot", """{"lambdas": [0.5]}""");
        Assert.Equal((double)passed["curve"]!.AsArray().MaxBy(point => (double)point!["averageAccuracy"]!)!["lambda"]!, (double)passed["chosen"]!["lambda"]!);
        var free = await _world.Client.AdoptAsync(passed, new JsonObject { ["lambda"] = .5, ["override"] = "to be safe" });
        Assert.Equal(("pass", null), ((string?)free["gate"]!["verdict"], free["override"]));

        async Task GateAsync(string gate)
        {
            using var response = await _world.Client.PatchAsync("/adapters/bot", new StringContent($$"""{"gate": {{gate}}}""", System.Text.Encoding.UTF8, "application/json"), Token);
            await response.ReadAsync(HttpStatusCode.OK);
        }
    }

    [Fact]
    public async Task Preview_WrongInput_IsRefusedWithWhatToDo()
    {
        // Step 1: fields.
        foreach (var (body, field) in new[]
        {
            ("""{"lambdas": []}""", "lambdas"), ("""{"lambdas": [0.5, 0.5]}""", "lambdas"), ("""{"lambdas": [0.5, 0.25]}""", "lambdas"), ("""{"lambdas": [0, 1.1]}""", "lambdas[1]"),
            ("""{"lambdas": [-0.1]}""", "lambdas[0]"), ("""{"lambdas": ["a"]}""", "lambdas[0]"), ("""{"lambdas": 3}""", "lambdas"),
            ($$"""{"lambdas": [{{string.Join(", ", Enumerable.Range(0, 34).Select(i => i / 34.0).Select(l => l.ToString("R", System.Globalization.CultureInfo.InvariantCulture)))}}]}""", "lambdas"),
            ("""{"schedules": 3}""", "schedules"), ("""{"schedules": [0.5]}""", "schedules[0]"), ("""{"schedules": [{"from": 0.2}]}""", "schedules[0]"), ("""{"schedules": [{"from": 0.2, "to": 1.2}]}""", "schedules[0]"),
            ("""{"schedules": [{"from": 0.2, "to": 0.8, "over": 2}]}""", "schedules[0]"), ("""{"schedules": [{"layers": [0.5]}]}""", "schedules[0]"), ("""{"schedules": [{"layers": [0.5, "a"]}]}""", "schedules[0]"), ("""{"schedules": [{"layers": [0.2, 0.5, 0.8]}]}""", "schedules[0]"),
            ("""{"schedules": [{"layers": [0.5, 0.5]}]}""", "schedules[0]"), ("""{"schedules": [{"from": 0.5, "to": 0.5}]}""", "schedules[0]"), ("""{"schedules": [{"from": 0, "to": 1}, {"from": 0, "to": 1}]}""", "schedules[1]"),
            ($$"""{"schedules": [{{string.Join(", ", Enumerable.Range(1, 25).Select(i => $$"""{"from": 0, "to": 0.{{i}}1}"""))}}]}""", "schedules"),
            ("""{"policy": {"objective": "best"}}""", "policy.objective"), ("""{"policy": {"largestForgetting": -1}}""", "policy.largestForgetting"), ("""{"layers": []}""", "layers"),
        })
        {
            using var response = await _world.Client.PostTextAsync("/adapters/bot/merge-previews", body);
            Assert.Equal([field], (await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
        }

        // Step 2: adapters that have nothing to vary.
        await CreateAsync("fresh");
        await RefusedAsync("fresh", "has learned nothing yet");
        await LearnAsync("fresh", "first");
        await RefusedAsync("fresh", "one task");
        await CreateAsync("sums", "o-lora");
        await RefusedAsync("sums", "slao or soup");
        await LearnAsync("fresh", "blind", evaluates: false);
        await RefusedAsync("fresh", "no held-out rows");
        await LearnAsync("fresh", "seeing");
        using (var average = await _world.Client.PostTextAsync("/adapters/fresh/merge-previews", "{}"))
            Assert.Equal(["policy.objective"], (await average.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
        var partly = await PreviewAsync("fresh", """{"lambdas": [0, 1], "policy": {"objective": "newTask", "largestForgetting": 0}}""");
        Assert.Equal("""{"objective":"newTask","largestForgetting":0}""", partly["chosen"]!["policy"]!.ToJsonString());
        Assert.All(partly["curve"]!.AsArray(), point => Assert.Equal((2, null), (point!["perTask"]!.AsArray().Count, (double?)point["averageAccuracy"])));

        // Step 3: other tenants, and what is not there.
        using var stranger = await _world.CreateTenantAsync();
        var adapterId = (string)(await _world.Client.GetNodeAsync("/adapters/bot"))["id"]!;
        var preview = await PreviewAsync("bot", """{"lambdas": [0.5]}""");
        var path = $"/adapters/{adapterId}/merge-previews/{preview["id"]}";
        foreach (var (client, at) in new[] { (stranger, path), (_world.Client, $"/adapters/fresh/merge-previews/{preview["id"]}"), (_world.Client, $"/adapters/{adapterId}/merge-previews/none") })
        {
            using var get = await client.GetAsync(at, Token);
            await get.ProblemAsync(HttpStatusCode.NotFound, "not_found");
            using var adopt = await client.PostTextAsync(at + "/adopt", """{"lambda": 0.5}""");
            await adopt.ProblemAsync(HttpStatusCode.NotFound, "not_found");
            using var cancel = await client.DeleteAsync(at, Token);
            await cancel.ProblemAsync(HttpStatusCode.NotFound, "not_found");
        }

        // Step 4: adoption.
        using var none = await _world.Client.PostTextAsync(path + "/adopt", "{}");
        Assert.Equal(["lambda"], (await none.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
        foreach (var (point, field) in new[] { ("""{"lambda": 0.5, "schedule": "0.2..0.8"}""", "lambda"), ("""{"schedule": "0.2..0.8"}""", "schedule"), ("""{"schedule": "steep"}""", "schedule") })
        {
            using var wrong = await _world.Client.PostTextAsync(path + "/adopt", point);
            Assert.Equal([field], (await wrong.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
        }

        Assert.Contains("0.5; 0.707", (await AdoptAsync(preview, .25, HttpStatusCode.BadRequest)).ToJsonString(), StringComparison.Ordinal);
        Assert.Contains("already", (string?)(await AdoptAsync(preview, 1 / Math.Sqrt(2), HttpStatusCode.Conflict))["detail"], StringComparison.Ordinal);
        using var over = await _world.Client.DeleteAsync(path, Token);
        await over.ProblemAsync(HttpStatusCode.Conflict, "wrong_state");

        // Step 5: a preview is no task of the tenant's lists.
        var taskId = await _world.WithDatabaseAsync(database => database.Tasks.Where(row => row.Kind == LearningTaskKind.MergePreview).Select(row => row.Id).FirstAsync(Token));
        using var task = await _world.Client.GetAsync($"/tasks/{taskId}", Token);
        await task.ProblemAsync(HttpStatusCode.NotFound, "not_found");
        using var retry = await _world.Client.PostAsync($"/tasks/{taskId}/retry", null, Token);
        await retry.ProblemAsync(HttpStatusCode.NotFound, "not_found");
        Assert.DoesNotContain(taskId, (await _world.Client.GetNodeAsync("/tasks?limit=100")).ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain(taskId["task_".Length..], (await _world.Client.GetNodeAsync("/v1/fine_tuning/jobs?limit=100")).ToJsonString(), StringComparison.Ordinal);
        Assert.Equal([(string)preview["id"]!], (await _world.Client.GetNodeAsync("/adapters/bot/merge-previews"))["data"]!.AsArray().Select(each => (string?)each!["id"]));

        async Task RefusedAsync(string adapter, string says)
        {
            using var response = await _world.Client.PostTextAsync($"/adapters/{adapter}/merge-previews", "{}");
            Assert.Contains(says, (string?)(await response.ProblemAsync(HttpStatusCode.Conflict, "wrong_state"))["detail"], StringComparison.Ordinal);
        }
    }

    private static bool Same(float[] one, float[] other) => one.AsSpan().SequenceEqual(other);

    /// <summary>The version is version 2 with another merge: every number of it from the numbers of versions 1 and 2.</summary>
    private async Task AssertMergedAsync(int number, Func<int, double> lambdaOf)
    {
        using var parent = await StateAsync(1);
        using var trained = await StateAsync(2);
        using var adopted = await StateAsync(number);
        Assert.Equal(trained.Metadata, adopted.Metadata);
        Assert.Equal(trained.Names, adopted.Names);
        Assert.Contains(adopted.Names, name => name.StartsWith("b_merge.", StringComparison.Ordinal));
        foreach (var name in adopted.Names)
        {
            var expected = Values(trained, name);
            var lambda = lambdaOf(name.Contains(".layers.1.", StringComparison.Ordinal) ? 1 : 0);
            if (name.StartsWith("b_merge.", StringComparison.Ordinal))
                expected = [.. Values(parent, name).Zip(Values(trained, name.Replace("b_merge.", "b_ft.", StringComparison.Ordinal)), (from, to) => (float)(from + lambda * ((double)to - from)))];
            Assert.True(Same(expected, Values(adopted, name)), name);
        }

        static float[] Values(SafetensorsFile file, string name)
        {
            using var tensor = file.Read(name);
            return tensor.data<float>().ToArray();
        }
    }

    private async Task<SafetensorsFile> StateAsync(int number)
    {
        var path = Path.Combine(_folder, $"{number}.safetensors");
        await File.WriteAllBytesAsync(path, await _world.Client.GetByteArrayAsync($"/adapters/bot/versions/{number}/download?format=state", Token), Token);
        return SafetensorsFile.Open(path);
    }

    private Task<bool> ListenAsync() => _world.WithDatabaseAsync(async database =>
    {
        var tenantId = await database.Adapters.Select(row => row.TenantId).FirstAsync(Token);
        database.Add(new Webhook { Id = "wh_1", TenantId = tenantId, Url = "https://hooks.invalid/", Events = string.Join(' ', WebhookTypes.All), Secret = "secret" });
        return await database.SaveChangesAsync(Token) > 0;
    });

    private Task<JsonNode> PreviewAsync(string adapter, string body) => _world.Client.PreviewAsync(adapter, body);

    private Task<JsonNode> AdoptAsync(JsonNode preview, double lambda, HttpStatusCode expected) => _world.Client.AdoptAsync(preview, new JsonObject { ["lambda"] = lambda }, expected);

    private Task CreateAsync(string name, string method = "slao") => _world.Client.CreateAdapterAsync(name, method);

    private Task<string> LearnAsync(string adapter, string name, bool evaluates = true) => _world.Client.LearnAsync(adapter, name, evaluates);
}
