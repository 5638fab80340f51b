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

    private async Task<JsonNode> DryRunAsync(JsonObject task)
    {
        using var response = await _world.Client.PostNodeAsync("/tasks?dry_run=true", task);
        return await response.ReadAsync(HttpStatusCode.OK);
    }
}
