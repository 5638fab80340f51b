using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Domain.Tasks;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Api.Tests.Tasks;

/// <summary>A service that bounds what scoring the rows of earlier tasks costs beside a task's training.</summary>
public sealed class ScoringShareTests : IAsyncLifetime
{
    private const int HeldOut = 12;

    private readonly ApiWorld _world = new(new Dictionary<string, string> { ["Training:Threads"] = "1", ["Training:ScoringShare"] = "0.1" }, runsTasks: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private HttpClient Client => _world.Client;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    // Ten rows twice: a tenth of that is four rows scored.
    [Fact]
    public async Task Tasks_AfterTheFirst_ScoreEarlierRowsWithinTheShareAndTheDryRunCountsThem()
    {
        await Client.CreateAdapterAsync("bot");
        await LearnAsync("first");
        var second = await LearnAsync("second");

        var matrix = await Client.GetNodeAsync("/adapters/bot/matrix");
        Assert.Equal(
            [(0, 12), (1, 12), (2, 4), (0, 12), (1, 12), (2, 12)],
            matrix["cells"]!.AsArray().Select(cell => ((int)cell!["version"]!, (int)cell["n"]!)));
        Assert.NotNull((double?)matrix["summary"]!["backwardTransfer"]);
        var said = Assert.Single(await _world.WithDatabaseAsync(database => database.TaskEvents.Where(row => row.Type == TaskEventTypes.RowsLeftOut).ToListAsync(Token)));
        Assert.Equal((second, """{"rows":4,"tasks":1,"leftOut":8}"""), (said.TaskId, said.DataJson));

        // At a row a second: the new rows three times, two of each earlier task.
        await _world.WithDatabaseAsync(database => database.Runs.ExecuteUpdateAsync(set => set.SetProperty(run => run.ScoringSeconds, run => run.ScoredRows), Token));
        Assert.Equal(3 * HeldOut + 2 * 2, await EvaluationSecondsAsync(epochs: 2));
        Assert.Equal(3 * HeldOut + 2 * 7, await EvaluationSecondsAsync(epochs: 7));
        Assert.Equal(3 * HeldOut + 2 * HeldOut, await EvaluationSecondsAsync(epochs: 12));
        Assert.Equal(3 * HeldOut + 2 * 4, await EvaluationSecondsAsync(epochs: 12, maxSteps: 9)); // 48 rows: four epochs of two steps, and one of eight rows
        // A gate has the earlier tasks scored under their best versions too, with rows enough to decide by.
        await GateAsync(1);
        Assert.Equal(3 * HeldOut + 2 * 2 * 3, await EvaluationSecondsAsync(epochs: 7));
        await GateAsync(9);
        Assert.Equal(3 * HeldOut + 2 * 2 * 9, await EvaluationSecondsAsync(epochs: 7));
    }

    private static JsonObject Sent(string name, int epochs, int? maxSteps = null) => new()
    {
        ["adapter"] = "bot",
        ["name"] = name,
        ["examples"] = Http.Examples(),
        ["evaluation"] = new JsonObject
        {
            ["metric"] = "loss",
            ["examples"] = new JsonArray([.. Enumerable.Range(10, HeldOut).Select(row => new JsonObject { ["prompt"] = $"question {row}", ["completion"] = name })]),
        },
        ["hyperparameters"] = new JsonObject { ["epochs"] = epochs, ["batchSize"] = 8, ["maxSteps"] = maxSteps },
    };

    private async Task<string> LearnAsync(string name)
    {
        using var sent = await Client.PostNodeAsync("/tasks", Sent(name, epochs: 2));
        var id = (string)(await sent.ReadAsync(HttpStatusCode.Accepted))["id"]!;
        Assert.Equal("succeeded", await Client.EndAsync(id));
        return id;
    }

    private async Task<double> EvaluationSecondsAsync(int epochs, int? maxSteps = null)
    {
        using var asked = await Client.PostNodeAsync("/tasks?dry_run=true", Sent("third", epochs, maxSteps));
        return (double)(await asked.ReadAsync(HttpStatusCode.OK))["evaluationSeconds"]!;
    }

    private async Task GateAsync(int leastRows)
    {
        using var set = await Client.PatchAsync("/adapters/bot", new StringContent($$$"""{"gate": {"largestForgetting": 0.5, "leastRows": {{{leastRows}}}}}""", System.Text.Encoding.UTF8, "application/json"), Token);
        await set.ReadAsync(HttpStatusCode.OK);
    }
}
