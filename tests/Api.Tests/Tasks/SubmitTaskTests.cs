using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests.Tasks;

[Collection(ApiCollection.Name)]
public sealed class SubmitTaskTests(ApiWorld world)
{
    [Fact]
    public async Task Submit_InlineWithoutAdapter_MakesTheDefaultAdapterAndQueues()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostNodeAsync("/tasks", new JsonObject { ["name"] = "parity", ["examples"] = Http.Examples(), ["metadata"] = new JsonObject { ["team"] = "x" } });

        var task = await response.ReadAsync(HttpStatusCode.Accepted);
        Assert.Equal($"/tasks/{task["id"]}", response.Headers.Location?.ToString());
        Assert.Equal("queued", (string?)task["status"]);
        Assert.Equal("parity", (string?)task["name"]);
        Assert.Equal("x", (string?)task["metadata"]!["team"]);
        foreach (var absent in new[] { "phase", "version", "failure", "startedAt", "finishedAt" })
        {
            Assert.True(task.AsObject().ContainsKey(absent), absent);
            Assert.Null(task[absent]);
        }

        Assert.Equal(0, (double)task["progress"]!["percent"]!);
        Assert.True((int)task["progress"]!["queuePosition"]! >= 1);
        Assert.Equal(0, (int)task["attempt"]!);
        Assert.Equal("default", (string?)(await client.GetNodeAsync($"/adapters/{task["adapter"]}"))["name"]);
        Assert.Equal("tiny", (string?)(await client.GetNodeAsync("/adapters/default"))["model"]);
    }

    [Fact]
    public async Task Submit_SecondTaskWithoutAdapter_GoesToTheSameAdapter()
    {
        // A service of its own: what other tests' tenants have in the queue, or had a moment ago, counts for a place too.
        await using var own = new ApiWorld();

        using var first = await own.Client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples() });
        using var second = await own.Client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples() });

        var (one, two) = (await first.ReadAsync(HttpStatusCode.Accepted), await second.ReadAsync(HttpStatusCode.Accepted));
        Assert.Equal((string?)one["adapter"], (string?)two["adapter"]);
        Assert.Equal((1, 2), ((int)one["progress"]!["queuePosition"]!, (int)two["progress"]!["queuePosition"]!));
    }

    [Fact]
    public async Task Submit_Multipart_ReadsJsonAndFlattenedFields()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostRowsAsync(
            "/tasks", Http.Rows, ("name", "from file"), ("evaluation", """{"fraction": 0.2, "metric": "label_likelihood"}"""),
            ("hyperparameters", """{"learningRate": 0, "schedule": "cosine"}"""), ("hyperparameters.epochs", "2"), ("hyperparameters[seed]", "7"), ("metadata", ""));

        var task = await response.ReadAsync(HttpStatusCode.Accepted);
        Assert.Equal("from file", (string?)task["name"]);
        Assert.Equal("label_likelihood", (string?)task["metric"]);
        var hyperparameters = task["hyperparameters"]!;
        Assert.Equal(0, (double)hyperparameters["learningRate"]!);
        Assert.Equal("cosine", (string?)hyperparameters["schedule"]);
        Assert.Equal(2, (int)hyperparameters["epochs"]!);
        Assert.Equal(7, (int)hyperparameters["seed"]!);
        Assert.Equal(8, (int)(await client.GetNodeAsync($"/datasets/{task["datasetId"]}"))["rowCount"]!);
        Assert.Equal(2, (int)(await client.GetNodeAsync($"/datasets/{task["evaluationDatasetId"]}"))["rowCount"]!);
    }

    [Fact]
    public async Task Submit_EvaluationFile_IsKeptApart()
    {
        var client = await world.CreateTenantAsync();
        var form = new MultipartFormDataContent
        {
            { new ByteArrayContent(Encoding.UTF8.GetBytes(Http.Rows)), "file", "train.jsonl" },
            { new ByteArrayContent("{\"prompt\": \"new\", \"completion\": \"odd\"}"u8.ToArray()), "evaluationFile", "held.jsonl" },
        };

        using var response = await client.PostAsync("/tasks", form, TestContext.Current.CancellationToken);

        var task = await response.ReadAsync(HttpStatusCode.Accepted);
        Assert.Equal("train", (string?)task["name"]);
        Assert.Equal(10, (int)(await client.GetNodeAsync($"/datasets/{task["datasetId"]}"))["rowCount"]!);
        Assert.Equal(1, (int)(await client.GetNodeAsync($"/datasets/{task["evaluationDatasetId"]}"))["rowCount"]!);
    }

    [Fact]
    public async Task Submit_DatasetIdWithoutEvaluation_TrainsOnTheVeryDataset()
    {
        var client = await world.CreateTenantAsync();
        using var stored = await client.PostNodeAsync("/datasets", new JsonObject { ["name"] = "parity", ["examples"] = Http.Examples() });
        var dataset = (string?)(await stored.ReadAsync(HttpStatusCode.Created))["id"];

        using var response = await client.PostNodeAsync("/tasks", new JsonObject { ["datasetId"] = dataset, ["evaluation"] = new JsonObject { ["fraction"] = 0 } });

        var task = await response.ReadAsync(HttpStatusCode.Accepted);
        Assert.Equal(dataset, (string?)task["datasetId"]);
        Assert.Null(task["evaluationDatasetId"]);
    }

    [Fact]
    public async Task Submit_DryRun_EstimatesAndStoresNothing()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostNodeAsync("/tasks?dry_run=true", new JsonObject { ["examples"] = Http.Examples(), ["hyperparameters"] = new JsonObject { ["epochs"] = 2, ["batchSize"] = 4 } });

        var estimate = await response.ReadAsync(HttpStatusCode.OK);
        Assert.Equal(9, (int)estimate["rows"]!);
        Assert.Equal(1, (int)estimate["evaluationRows"]!);
        Assert.Equal(6, (int)estimate["steps"]!);
        Assert.True((long)estimate["tokens"]! > (long)estimate["trainedTokens"]!);
        Assert.Null(estimate["seconds"]);
        Assert.Empty((await client.GetNodeAsync("/tasks"))["data"]!.AsArray());
        Assert.Empty((await client.GetNodeAsync("/adapters"))["data"]!.AsArray());
    }

    [Fact]
    public async Task Submit_SameKeySameBody_AnswersWithTheFirstTask()
    {
        var client = await world.CreateTenantAsync();
        client.DefaultRequestHeaders.Add("Idempotency-Key", "once");

        using var first = await client.PostRowsAsync("/tasks", Http.Rows, ("name", "a"));
        using var again = await client.PostRowsAsync("/tasks", Http.Rows, ("name", "a"));
        using var other = await client.PostRowsAsync("/tasks", Http.Rows, ("name", "b"));

        var id = (string?)(await first.ReadAsync(HttpStatusCode.Accepted))["id"];
        Assert.Equal(id, (string?)(await again.ReadAsync(HttpStatusCode.Accepted))["id"]);
        Assert.Equal(id, (string?)(await other.ProblemAsync(HttpStatusCode.Conflict, "idempotency_key_reused"))["taskId"]);
        Assert.Single((await client.GetNodeAsync("/tasks"))["data"]!.AsArray());
    }

    [Fact]
    public async Task Submit_ManyAtOnceWithOneKey_MakeOneTask()
    {
        var client = await world.CreateTenantAsync();
        client.DefaultRequestHeaders.Add("Idempotency-Key", "race");

        var responses = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => client.PostRowsAsync("/tasks", Http.Rows)));

        var ids = await Task.WhenAll(responses.Select(async response => (string?)(await response.ReadAsync(HttpStatusCode.Accepted))["id"]));
        Assert.Single(ids.Distinct());
        Assert.Single((await client.GetNodeAsync("/adapters"))["data"]!.AsArray());
    }

    [Fact]
    public async Task List_Pages_CoverEveryTaskOnce()
    {
        var client = await world.CreateTenantAsync();
        var made = new List<string>();
        for (var index = 0; index < 5; index++)
        {
            using var response = await client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples() });
            made.Add((string)(await response.ReadAsync(HttpStatusCode.Accepted))["id"]!);
        }

        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = await client.GetNodeAsync($"/tasks?limit=2{(cursor is null ? "" : $"&cursor={cursor}")}");
            seen.AddRange(page["data"]!.AsArray().Select(task => (string)task!["id"]!));
            cursor = (string?)page["nextCursor"];
        }
        while (cursor is not null);

        made.Reverse();
        Assert.Equal(made, seen);
        using var bad = await client.GetAsync("/tasks?limit=101", TestContext.Current.CancellationToken);
        await bad.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task Cancel_QueuedTask_EndsItAtOnceAndItsStream()
    {
        var client = await world.CreateTenantAsync();
        using var submitted = await client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples() });
        var id = (string?)(await submitted.ReadAsync(HttpStatusCode.Accepted))["id"];

        using var cancelled = await client.PostAsync($"/tasks/{id}/cancel", null, TestContext.Current.CancellationToken);
        var stream = await client.GetStringAsync($"/tasks/{id}/events", TestContext.Current.CancellationToken);
        using var replay = new HttpRequestMessage(HttpMethod.Get, $"/tasks/{id}/events") { Headers = { { "Last-Event-ID", "1" } } };
        using var replayed = await client.SendAsync(replay, TestContext.Current.CancellationToken);

        Assert.Equal("cancelled", (string?)(await cancelled.ReadAsync(HttpStatusCode.OK))["status"]);
        Assert.StartsWith("retry: 3000\n", stream, StringComparison.Ordinal);
        Assert.Contains("id: 1\nevent: queued\ndata: {", stream, StringComparison.Ordinal);
        Assert.Contains("id: 2\nevent: cancelled\n", stream, StringComparison.Ordinal);
        Assert.Equal("text/event-stream", replayed.Content.Headers.ContentType?.MediaType);
        Assert.DoesNotContain("event: queued", await replayed.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_WhileTheTaskIsOpen_ArriveAsTheyHappen()
    {
        var client = await world.CreateTenantAsync();
        using var submitted = await client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples() });
        var id = (string?)(await submitted.ReadAsync(HttpStatusCode.Accepted))["id"];

        var stream = client.GetStringAsync($"/tasks/{id}/events", TestContext.Current.CancellationToken);
        await Task.Delay(200, TestContext.Current.CancellationToken);
        Assert.False(stream.IsCompleted);
        using var cancelled = await client.PostAsync($"/tasks/{id}/cancel", null, TestContext.Current.CancellationToken);

        Assert.Contains("event: cancelled", await stream.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }
}
