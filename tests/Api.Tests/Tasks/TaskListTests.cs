using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Domain.Tasks;
using Xunit;

namespace ContinualService.Api.Tests.Tasks;

[Collection(ApiCollection.Name)]
public sealed class TaskListTests(ApiWorld world)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)] // a page ends with the attempt
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(7)]
    public async Task Metrics_PageByPage_GivesEveryStepOfEveryAttemptOnceInOrder(int limit)
    {
        var client = await world.CreateTenantAsync();
        using var submitted = await client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples() });
        var id = (string)(await submitted.ReadAsync(HttpStatusCode.Accepted))["id"]!;
        (int Attempt, int Step)[] stored = [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (4, 1), (4, 2)];
        await world.WithDatabaseAsync(database =>
        {
            database.StepMetrics.AddRange(stored.Select(row => new StepMetric { TaskId = id, Attempt = row.Attempt, Step = row.Step, CreatedAt = DateTimeOffset.UnixEpoch }));
            return database.SaveChangesAsync();
        });

        var seen = new List<(int, int)>();
        var pages = 0;
        for (string? cursor = ""; cursor is not null && pages <= stored.Length; pages++)
        {
            var page = await client.GetNodeAsync($"/tasks/{id}/metrics?limit={limit}{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}");
            seen.AddRange(page["data"]!.AsArray().Select(row => ((int)row!["attempt"]!, (int)row["step"]!)));
            cursor = (string?)page["nextCursor"];
        }

        Assert.Equal(stored, seen);
        Assert.Equal((stored.Length + limit - 1) / limit, pages);
    }

    [Fact]
    public async Task List_TaskSentAMomentAgo_HasItsPlaceBehindTheOneBefore()
    {
        // A service of its own: what other tests' tenants left waiting counts too.
        await using var own = new ApiWorld();
        await SubmitAsync(own.Client);
        await own.Client.GetNodeAsync("/tasks?status=queued");
        await SubmitAsync(own.Client);

        var tasks = (await own.Client.GetNodeAsync("/tasks?status=queued"))["data"]!.AsArray();

        Assert.Equal([2, 1], tasks.Select(task => (int)task!["progress"]!["queuePosition"]!));
    }

    private static async Task SubmitAsync(HttpClient client)
    {
        using var submitted = await client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples() });
        await submitted.ReadAsync(HttpStatusCode.Accepted);
    }
}
