using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Domain.Webhooks;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Api.Tests.Forecasts;

/// <summary>What is said before a task is learned, and after it.</summary>
public sealed class AdviceTests(AdviceWorld advice) : IClassFixture<AdviceWorld>
{
    private readonly ApiWorld _world = advice.World;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task DryRun_AfterRunsOnTheBase_TellsTimesAtTheirSpeed()
    {
        var runs = await _world.WithDatabaseAsync(database => database.Runs.Where(row => row.TrainingSeconds != null).OrderBy(row => row.EndedAt).Take(2).ToListAsync(Token));
        // Eight rows train for two epochs; two are scored with the base and the candidate, in the second run with the version before too, and the first task's again.
        Assert.Equal([4, 8], runs.Select(run => run.ScoredRows!.Value));
        Assert.All(runs, run => Assert.True(run.TrainingSeconds > 0 && run.ScoringSeconds > 0 && run.PeakBytes > 50_000_000));

        var estimate = await DryRunAsync(AdviceWorld.Task("bot", "third", epochs: 5));

        Assert.Equal(runs[0].ProcessedTokens, (long)estimate["tokens"]! * 2);
        Assert.Equal((long)estimate["tokens"]! * 5, (long)estimate["processedTokens"]!);
        var speed = estimate["speed"]!;
        Assert.Equal((2, true, Environment.MachineName, "cpu"), ((int)speed["runs"]!, (bool)speed["sameShape"]!, (string?)speed["machine"], (string?)speed["device"]));
        Assert.Equal(runs.Average(run => run.ProcessedTokens!.Value / run.TrainingSeconds!.Value), (double)speed["tokensPerSecond"]!, 6);
        Assert.Equal(runs.Average(run => run.ScoredRows!.Value / run.ScoringSeconds!.Value), (double)speed["scoredRowsPerSecond"]!, 6);
        Assert.Equal(runs.Max(run => run.PeakBytes), (long)speed["peakMemoryBytes"]!);
        Assert.Equal(Math.Round((long)estimate["processedTokens"]! / (double)speed["tokensPerSecond"]!, 1), (double)estimate["seconds"]!);
        // The two new rows three times, and those of both earlier tasks.
        Assert.Equal(Math.Round(10 / (double)speed["scoredRowsPerSecond"]!, 1), (double)estimate["evaluationSeconds"]!);
        var memory = estimate["memory"]!;
        long Part(string name) => (long)memory[name]!;
        Assert.Equal(Part("weights") + Part("adapters") + Math.Max(Part("optimiser") + Part("activations") + Part("logits"), Part("scoring")) + Part("process"), (long)estimate["memoryBytes"]!);

        var plan = estimate["memoryPlan"]!;
        Assert.Equal((4, false, 16_384, true, null), ((int)plan["microBatchRows"]!, (bool)plan["gradientCheckpointing"]!, (int)plan["scoredTokens"]!, (bool)plan["fits"]!, (string?)plan["problem"]));
        Assert.True((long)plan["budgetBytes"]! > (long)estimate["memoryBytes"]!);

        // Steps that are cut off read their share; another shape is told apart; another base has no speed.
        var cut = AdviceWorld.Task("bot", "third");
        cut["hyperparameters"]!["maxSteps"] = 1;
        Assert.Equal(Math.Round((long)estimate["tokens"]! / 2.0), (long)(await DryRunAsync(cut))["processedTokens"]!);
        await advice.CreateAsync("narrow", 2);
        Assert.False((bool)(await DryRunAsync(AdviceWorld.Task("narrow", "first")))["speed"]!["sameShape"]!);
        await advice.CreateAsync("elsewhere", 4, "other");
        var unknown = await DryRunAsync(AdviceWorld.Task("elsewhere", "first"));
        Assert.Equal((null, null, null), ((string?)unknown["speed"], (double?)unknown["seconds"], (double?)unknown["evaluationSeconds"]));
        Assert.True((long)unknown["memoryBytes"]! > 0);
    }

    [Fact]
    public async Task Version_ThatWentOverItsLimits_TellsSoEverywhere()
    {
        var first = await _world.Client.GetNodeAsync("/adapters/bot/versions/1");
        var second = await _world.Client.GetNodeAsync("/adapters/bot/versions/2");

        Assert.Null(first["drift"]);
        var drift = second["drift"]!;
        Assert.Equal(1, (int)drift["parent"]!);
        Assert.InRange((double)drift["angle"]!, 1e-3, 90);
        Assert.True((double)drift["canaryKl"]! > 0 && (double)drift["canaryKlFromBase"]! > 0);
        Assert.Equal(3, (int)drift["stopRows"]!);
        Assert.InRange((double)drift["stopShare"]!, 0, 1);
        // The adapter's own limits, and the service's where it has none.
        Assert.Equal((0.0, 0.0, 0.1, 0.2), ((double)drift["limits"]!["angle"]!, (double)drift["limits"]!["canaryKl"]!, (double)drift["limits"]!["scoreDrop"]!, (double)drift["limits"]!["stopDrop"]!));
        var alarms = drift["alarms"]!.AsArray();
        Assert.Equal(
            [("angle", (double)drift["angle"]!, 0.0, (string?)drift["angleLayer"]), ("canary_kl", (double)drift["canaryKl"]!, 0.0, null)],
            alarms.Where(alarm => (double)alarm!["limit"]! == 0).Select(alarm => ((string)alarm!["alarm"]!, (double)alarm["value"]!, (double)alarm["limit"]!, (string?)alarm["subject"])));

        var taskId = (string)second["taskId"]!;
        var events = await _world.WithDatabaseAsync(database => database.TaskEvents.Where(row => row.TaskId == taskId).OrderBy(row => row.Number).ToListAsync(Token));
        Assert.Equal(["published", .. alarms.Select(_ => "drift_alarm"), "succeeded"], events.TakeLast(alarms.Count + 2).Select(row => row.Type));
        var deliveries = await _world.WithDatabaseAsync(database => database.WebhookDeliveries.OrderBy(row => row.Id).ToListAsync(Token));
        Assert.Equal(alarms.Select(_ => (taskId, WebhookTypes.DriftAlarm)), deliveries.Select(row => (row.TaskId, row.Type)));
        Assert.Equal(alarms.Select(alarm => (string)alarm!["alarm"]!).Order(), deliveries.Select(row => (string)JsonNode.Parse(row.DataJson)!["alarm"]!).Order());
        var job = await _world.Client.GetNodeAsync($"/v1/fine_tuning/jobs/ftjob-{taskId["task_".Length..]}/events?limit=5");
        var told = job["data"]!.AsArray().Single(each => (string?)each!["x_event"] == "drift_alarm" && (string?)each["data"]!["alarm"] == "angle")!;
        Assert.Equal("warn", (string?)told["level"]);
        Assert.StartsWith("Version 2 drifted: angle is ", (string?)told["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Forecast_OfRowsThatAreNotSentYet_IsWhatItsRunWouldFind()
    {
        var matrix = await _world.Client.GetNodeAsync("/adapters/bot/matrix");
        var learned = (string)matrix["tasks"]![1]!["id"]!;
        // The rows of the second task once more: the same split, so the matrix knows their scores.
        var rows = AdviceWorld.Task("", "second");
        rows.Remove("adapter");

        var (path, forecast) = await ForecastAsync("bot", rows);

        Assert.Equal((2, "second", null), ((int)forecast["version"]!, (string?)forecast["tasks"]![0]!["name"], (string?)forecast["tasks"]![0]!["taskId"]));
        var task = forecast["tasks"]![0]!;
        foreach (var (field, version) in new[] { ("base", 0), ("zeroShot", 2) })
        {
            var cell = matrix["cells"]!.AsArray().Single(each => (int)each!["version"]! == version && (string?)each["task"] == learned)!;
            Assert.Equal(((double)cell["score"]!, (double)cell["low"]!, 2, "loss"), ((double)task[field]!["score"]!, (double)task[field]!["low"]!, (int)task[field]!["n"]!, (string?)task[field]!["metric"]));
        }

        Assert.Equal(8, (int)task["gradientRows"]!);
        Assert.True((double)task["loss"]! > 0);
        Assert.InRange((double)task["conflict"]!["cosine"]!, -1, 1);
        Assert.InRange((double)task["conflict"]!["rowShare"]!, 1e-6, 1);
        Assert.InRange((double)task["conflict"]!["columnShare"]!, 1e-6, 1);
        var layers = forecast["spareRank"]!["layers"]!.AsArray();
        Assert.All(layers, layer => Assert.Equal(4, (int)layer!["rank"]!));
        Assert.Equal(layers.Average(layer => (double)layer!["spare"]!), (double)forecast["spareRank"]!["meanSpare"]!, 9);
        Assert.Null(forecast["order"]);

        // It is no task and no version, and once it is over there is nothing to cancel.
        Assert.Equal(2, (int)(await _world.Client.GetNodeAsync("/adapters/bot"))["headVersion"]!);
        Assert.Equal(["second", "first"], (await _world.Client.GetNodeAsync("/tasks?adapter=bot"))["data"]!.AsArray().Select(each => (string?)each!["name"]));
        Assert.Contains((string?)forecast["id"], (await _world.Client.GetNodeAsync("/adapters/bot/forecasts"))["data"]!.AsArray().Select(each => (string?)each!["id"]));
        using var over = await _world.Client.DeleteAsync(path, Token);
        await over.ProblemAsync(HttpStatusCode.Conflict, "wrong_state");
        using var stranger = await _world.CreateTenantAsync();
        using var foreign = await stranger.GetAsync(path, Token);
        await foreign.ProblemAsync(HttpStatusCode.NotFound, "not_found");
    }

    [Fact]
    public async Task Forecast_OfWaitingTasks_ComesBeforeThemAndAdvisesAnOrder()
    {
        await advice.CreateAsync("line", 4);
        await RefusedAsync("""{"waiting": true}""", HttpStatusCode.Conflict, "wrong_state", "line");
        List<string> sent = [];
        foreach (var name in new[] { "long", "middle", "short" })
        {
            using var task = await _world.Client.PostNodeAsync("/tasks", AdviceWorld.Task("line", name, epochs: 1000));
            sent.Add((string)(await task.ReadAsync(HttpStatusCode.Accepted))["id"]!);
            // The first holds up the others.
            if (sent.Count > 1) continue;
            using var pause = await _world.Client.PostAsync($"/tasks/{sent[0]}/pause", null, Token);
            await pause.ReadAsync(HttpStatusCode.OK);
            Assert.Equal("paused", await advice.EndAsync($"/tasks/{sent[0]}"));
        }

        var (_, forecast) = await ForecastAsync("line", JsonNode.Parse("""{"waiting": true}""")!.AsObject());

        Assert.Equal(sent, forecast["waitingTaskIds"]!.AsArray().Select(id => (string?)id));
        Assert.Equal((0, sent.Count), ((int)forecast["version"]!, forecast["tasks"]!.AsArray().Count));
        Assert.All(forecast["tasks"]!.AsArray(), task => Assert.Equal((null, null, 2), ((string?)task!["zeroShot"], (string?)task["conflict"], (int)task["base"]!["n"]!)));
        Assert.Null(forecast["spareRank"]!["meanSpare"]);
        var order = forecast["order"]!;
        Assert.Equal(sent, order["taskIds"]!.AsArray().Select(id => (string?)id));
        Assert.Equal(sent.Order(), order["tasks"]!.AsArray().Select(task => (string)task!["taskId"]!).Order());
        var pulls = order["tasks"]!.AsArray().Select(task => (double)task!["pull"]!).ToList();
        Assert.Equal(pulls.Order(), pulls);
        var cosines = order["cosines"]!.AsArray().Select(row => row!.AsArray().Select(value => (double)value!).ToList()).ToList();
        Assert.All(Enumerable.Range(0, 3), index => Assert.Equal(1, cosines[index][index]));
        Assert.Equal(cosines[0][2], cosines[2][0], 12);
        Assert.Contains("euristic", (string?)order["heuristic"], StringComparison.Ordinal);
        // The tasks wait on, in the order in which they were sent.
        Assert.Equal(["queued", "queued", "paused"], (await _world.Client.GetNodeAsync("/tasks?adapter=line"))["data"]!.AsArray().Select(task => (string?)task!["status"]));
        foreach (var id in sent.AsEnumerable().Reverse())
        {
            using var cancel = await _world.Client.PostAsync($"/tasks/{id}/cancel", null, Token);
            await cancel.ReadAsync(HttpStatusCode.OK);
        }
    }

    [Theory]
    [InlineData("{}", "examples")]
    [InlineData("""{"waiting": true, "name": "x"}""", "waiting")]
    [InlineData("""{"waiting": "yes"}""", "waiting")]
    [InlineData("""{"adapter": "bot", "examples": [{"prompt": "a", "completion": "b"}]}""", "adapter")]
    [InlineData("""{"examples": [{"prompt": "a", "completion": "b"}], "datasetId": "ds_1"}""", "examples")]
    [InlineData("""{"examples": [{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"}], "evaluation": {"metric": "best"}}""", "evaluation.metric")]
    public Task Forecast_WrongInput_NamesTheField(string body, string field) => RefusedAsync(body, HttpStatusCode.BadRequest, "invalid_request", "bot", field);

    private async Task RefusedAsync(string body, HttpStatusCode status, string code, string adapter, string? field = null)
    {
        using var response = await _world.Client.PostTextAsync($"/adapters/{adapter}/forecasts", body);
        var problem = await response.ProblemAsync(status, code);
        if (field is not null) Assert.Equal([field], problem.Fields());
    }

    private async Task<(string Path, JsonNode Forecast)> ForecastAsync(string adapter, JsonObject body)
    {
        using var response = await _world.Client.PostNodeAsync($"/adapters/{adapter}/forecasts", body);
        Assert.Null((await response.ReadAsync(HttpStatusCode.Accepted))["tasks"]);
        var path = response.Headers.Location!.ToString();
        Assert.Equal("succeeded", await advice.EndAsync(path));
        return (path, await _world.Client.GetNodeAsync(path));
    }

    private async Task<JsonNode> DryRunAsync(JsonObject task)
    {
        using var response = await _world.Client.PostNodeAsync("/tasks?dry_run=true", task);
        return await response.ReadAsync(HttpStatusCode.OK);
    }
}
