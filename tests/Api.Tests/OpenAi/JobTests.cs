using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

[Collection(ApiCollection.Name)]
public sealed class JobTests(ApiWorld world)
{
    private const string Jobs = "/v1/fine_tuning/jobs";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Create_OnABase_MakesAnAdapterAndShowsEveryField()
    {
        var client = await world.CreateTenantAsync();
        var (training, validation) = (await FileTests.UploadAsync(client), await FileTests.UploadAsync(client, """{"prompt": "new", "completion": "odd"}"""));
        var before = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();

        var job = await CreateAsync(client, new JsonObject
        {
            ["model"] = "tiny",
            ["training_file"] = training,
            ["validation_file"] = validation,
            ["suffix"] = "support",
            ["seed"] = 7,
            ["integrations"] = new JsonArray(),
            ["metadata"] = new JsonObject { ["team"] = "x" },
            ["method"] = JsonNode.Parse("""{"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": "auto", "learning_rate_multiplier": 1.8}}}"""),
        });

        Assert.StartsWith("ftjob-", (string?)job["id"], StringComparison.Ordinal);
        Assert.InRange((long)job["created_at"]!, before, before + 60);
        var used = """{"n_epochs":2,"batch_size":8,"learning_rate_multiplier":1.8}""";
        var task = await client.GetNodeAsync($"/tasks/{job["x_task_id"]}");
        var known = new JsonObject
        {
            ["id"] = (string?)job["id"],
            ["object"] = "fine_tuning.job",
            ["created_at"] = (long)job["created_at"]!,
            ["finished_at"] = null,
            ["model"] = "tiny",
            ["fine_tuned_model"] = null,
            ["organization_id"] = (string?)job["organization_id"],
            ["status"] = "queued",
            ["training_file"] = training,
            ["validation_file"] = validation,
            ["result_files"] = new JsonArray(),
            ["hyperparameters"] = JsonNode.Parse(used),
            ["trained_tokens"] = null,
            ["error"] = null,
            ["integrations"] = new JsonArray(),
            ["seed"] = 7,
            ["estimated_finish"] = null,
            ["method"] = JsonNode.Parse($$$"""{"type":"supervised","supervised":{"hyperparameters":{{{used}}}}}"""),
            ["metadata"] = new JsonObject { ["team"] = "x" },
            ["user_provided_suffix"] = "support",
            ["x_progress"] = JsonNode.Parse($$"""{"percent":0,"steps_completed":0,"total_steps":4,"seconds_remaining":null,"estimate_available":false,"queue_position":{{job["x_progress"]!["queue_position"]}}}"""),
            ["x_forgetting"] = null,
            ["x_gate"] = null,
            ["x_adapter"] = "support",
            ["x_task_id"] = (string?)task["id"],
        };
        Assert.True(JsonNode.DeepEquals(known, job), job.ToJsonString());
        Assert.StartsWith("tnt_", (string?)job["organization_id"], StringComparison.Ordinal);
        Assert.True((int)job["x_progress"]!["queue_position"]! >= 1);
        Assert.Equal("tiny", (string?)(await client.GetNodeAsync("/adapters/support"))["model"]);
        Assert.Equal(9e-4, (double)task["hyperparameters"]!["learningRate"]!, 1e-12);
        Assert.Equal(10, (int)(await client.GetNodeAsync($"/datasets/{task["datasetId"]}"))["rowCount"]!);
        Assert.Equal(1, (int)(await client.GetNodeAsync($"/datasets/{task["evaluationDatasetId"]}"))["rowCount"]!);
        Assert.True(JsonNode.DeepEquals(job["hyperparameters"], (await client.GetNodeAsync($"{Jobs}/{job["id"]}"))["hyperparameters"]));
    }

    [Fact]
    public async Task Create_NameThatIsTaken_GetsANumber()
    {
        var client = await world.CreateTenantAsync();
        var file = await FileTests.UploadAsync(client);
        JsonObject Named(string? suffix) => new() { ["model"] = "tiny", ["training_file"] = file, ["suffix"] = suffix };

        var names = new List<string>();
        foreach (var suffix in new[] { "support", "support", "support-2", null, null, new string('x', 64), new string('x', 64) }) names.Add((string)(await CreateAsync(client, Named(suffix)))["x_adapter"]!);

        Assert.Equal(["support", "support-2", "support-2-2", "ft-tiny", "ft-tiny-2", new string('x', 64), new string('x', 56) + "-2"], names);
    }

    [Fact]
    public async Task Create_OnAnAdapter_IsItsNextTaskByAnyOfItsNames()
    {
        var client = await world.CreateTenantAsync();
        var file = await FileTests.UploadAsync(client);
        var first = await CreateAsync(client, new JsonObject { ["model"] = "tiny", ["training_file"] = file, ["suffix"] = "support" });
        await PublishAsync(first);
        var tuned = (string)(await client.GetNodeAsync($"{Jobs}/{first["id"]}"))["fine_tuned_model"]!;
        Assert.Equal($"ft:tiny:{first["organization_id"]}:support:{((string)first["id"]!)["ftjob-".Length..]}", tuned);
        var adapter = (string)(await client.GetNodeAsync("/adapters/support"))["id"]!;

        foreach (var model in new[] { "support", "support@live", "support:live", adapter, tuned })
        {
            var next = await CreateAsync(client, new JsonObject { ["model"] = model, ["training_file"] = file });
            Assert.Equal((model, "support"), ((string?)next["model"], (string?)next["x_adapter"]));
            Assert.Equal(adapter, (string?)(await client.GetNodeAsync($"/tasks/{next["x_task_id"]}"))["adapter"]);
        }

        Assert.Single((await client.GetNodeAsync("/adapters"))["data"]!.AsArray());
    }

    [Theory]
    [InlineData("""{"training_file": "FILE"}""", 400, "model", "missing_required_parameter")]
    [InlineData("""{"model": "tiny"}""", 400, "training_file", "missing_required_parameter")]
    [InlineData("""{"model": 7, "training_file": "FILE"}""", 400, "model", "invalid_value")]
    [InlineData("""{"model": "none", "training_file": "FILE"}""", 404, "model", "model_not_found")]
    [InlineData("""{"model": "none@3", "training_file": "FILE"}""", 400, "model", "invalid_value")]
    [InlineData("""{"model": "ft:tiny:me:none:0193", "training_file": "FILE"}""", 404, "model", "model_not_found")]
    [InlineData("""{"model": "tiny", "training_file": "file-0193"}""", 404, "training_file", "not_found")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "validation_file": "file-0193"}""", 404, "validation_file", "not_found")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "suffix": "a b"}""", 400, "suffix", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "suffix": "tiny"}""", 400, "suffix", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "suffix": ""}""", 400, "suffix", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "seed": -1}""", 400, "seed", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "seed": 2147483648}""", 400, "seed", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "integrations": [{"type": "wandb"}]}""", 400, "integrations", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "metadata": {"number": 1}}""", 400, "metadata", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "metadata": []}""", 400, "metadata", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "method": {"type": "dpo", "dpo": {}}}""", 400, "method.type", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "method": {"supervised": {}}}""", 400, "method.type", "missing_required_parameter")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "method": {"type": "supervised", "reinforcement": {}}}""", 400, "method.reinforcement", "unknown_parameter")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "method": {"type": "supervised", "supervised": {"hyperparameters": {"beta": 1}}}}""", 400, "method.supervised.hyperparameters.beta", "unknown_parameter")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 0}}}}""", 400, "method.supervised.hyperparameters.n_epochs", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "method": {"type": "supervised", "supervised": []}}""", 400, "method.supervised", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "hyperparameters": {"n_epochs": "many"}}""", 400, "hyperparameters.n_epochs", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "hyperparameters": {"batch_size": 1025}}""", 400, "hyperparameters.batch_size", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "hyperparameters": {"learning_rate_multiplier": 2001}}""", 400, "hyperparameters.learning_rate_multiplier", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "hyperparameters": {"n_epochs": 1}, "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}}""", 400, "hyperparameters.n_epochs", "invalid_value")]
    [InlineData("""{"model": "tiny", "training_file": "FILE", "n_epochs": 3}""", 400, "n_epochs", "unknown_parameter")]
    [InlineData("""{"model": """, 400, null, "malformed_body")]
    public async Task Create_OptionThatIsNoGood_IsRefusedByName(string body, int status, string? param, string code)
    {
        var client = await world.CreateTenantAsync();
        var file = await FileTests.UploadAsync(client);

        var response = await client.PostTextAsync(Jobs, body.Replace("FILE", file, StringComparison.Ordinal));

        await FileTests.EnvelopeAsync(response, (HttpStatusCode)status, param, code);
        Assert.Empty((await client.GetNodeAsync("/adapters"))["data"]!.AsArray());
        Assert.Empty((await client.GetNodeAsync("/tasks"))["data"]!.AsArray());
    }

    [Fact]
    public async Task Create_SuffixForAnAdapter_MayOnlyBeItsName()
    {
        var client = await world.CreateTenantAsync();
        var file = await FileTests.UploadAsync(client);
        JsonObject Body(string model, string suffix) => new() { ["model"] = model, ["training_file"] = file, ["suffix"] = suffix };
        await CreateAsync(client, Body("tiny", "support"));

        Assert.Equal("support", (string?)(await CreateAsync(client, Body("support", "support")))["x_adapter"]);
        await FileTests.EnvelopeAsync(await client.PostNodeAsync(Jobs, Body("support", "other")), HttpStatusCode.BadRequest, "suffix", "invalid_value");
    }

    [Theory]
    [InlineData("training_file")]
    [InlineData("validation_file")]
    public async Task Create_RowsThatCannotBeUsed_AreToldWithTheirLinesAndTheirFile(string param)
    {
        var client = await world.CreateTenantAsync();
        var (good, bad) = (await FileTests.UploadAsync(client), await FileTests.UploadAsync(client, Http.Rows + "\n{\"prompt\": \"no answer\"}\nno JSON"));

        var response = await client.PostNodeAsync(Jobs, new JsonObject { ["model"] = "tiny", ["training_file"] = good, [param] = bad });

        var error = await FileTests.EnvelopeAsync(response, HttpStatusCode.BadRequest, param, "invalid_data");
        Assert.Equal([11, 12], error["x_errors"]!.AsArray().Select(row => (int)row!["line"]!));
        foreach (var member in new[] { "field", "reason", "mend" }) Assert.True(error["x_errors"]![0]!.AsObject().ContainsKey(member), member);
    }

    [Fact]
    public async Task Create_WithAutoAndTheOlderField_UsesTheServicesDefaults()
    {
        var client = await world.CreateTenantAsync();
        var body = new JsonObject
        {
            ["model"] = "tiny",
            ["training_file"] = await FileTests.UploadAsync(client),
            ["hyperparameters"] = JsonNode.Parse("""{"n_epochs": "auto", "batch_size": 4, "learning_rate_multiplier": "auto"}"""),
            ["validation_file"] = null,
            ["suffix"] = null,
        };

        var job = await CreateAsync(client, body);

        Assert.Equal("""{"n_epochs":3,"batch_size":4,"learning_rate_multiplier":1}""", job["hyperparameters"]!.ToJsonString());
        Assert.Equal(42, (int)job["seed"]!);
        Assert.Equal("{}", job["metadata"]!.ToJsonString());
    }

    [Fact]
    public async Task Create_RepeatedWithItsKey_MakesOneJobEvenWhenItsFileIsGone()
    {
        var client = await world.CreateTenantAsync();
        var file = await FileTests.UploadAsync(client);
        client.DefaultRequestHeaders.Add("Idempotency-Key", "once");
        var body = new JsonObject { ["model"] = "tiny", ["training_file"] = file };

        var first = await CreateAsync(client, body);
        await client.DeleteAsync($"/v1/files/{file}", Token);
        var again = await CreateAsync(client, body);
        body["seed"] = 1;
        var other = await client.PostNodeAsync(Jobs, body);

        Assert.Equal((string?)first["id"], (string?)again["id"]);
        Assert.Equal(file, (string?)again["training_file"]);
        Assert.Single((await client.GetNodeAsync(Jobs))["data"]!.AsArray());
        Assert.Single((await client.GetNodeAsync("/adapters"))["data"]!.AsArray());
        await FileTests.EnvelopeAsync(other, HttpStatusCode.Conflict, null, "idempotency_key_reused");
    }

    [Fact]
    public async Task Job_OfATaskOfTheOtherRoute_IsShownWithWhatIsKnown()
    {
        var client = await world.CreateTenantAsync();
        using var submitted = await client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples(), ["metadata"] = new JsonObject { ["text"] = "x", ["number"] = 1, ["none"] = null } });
        var task = await submitted.ReadAsync(HttpStatusCode.Accepted);

        var job = (await client.GetNodeAsync(Jobs))["data"]!.AsArray().Single()!;

        Assert.Equal(((string?)task["id"], "default", "default"), ((string?)job["x_task_id"], (string?)job["x_adapter"], (string?)job["model"]));
        Assert.Null(job["training_file"]);
        Assert.Equal("""{"text":"x","number":"1","none":"null"}""", job["metadata"]!.ToJsonString());
    }

    [Fact]
    public async Task Job_PausedResumedAndCancelled_ChangesAsItsTask()
    {
        var client = await world.CreateTenantAsync();
        var job = await CreateAsync(client, new JsonObject { ["model"] = "tiny", ["training_file"] = await FileTests.UploadAsync(client) });
        async Task<string?> ChangeAsync(string verb) => (string?)(await (await client.PostAsync($"{Jobs}/{job["id"]}/{verb}", null, Token)).ReadAsync(HttpStatusCode.OK))["status"];

        Assert.Equal("paused", await ChangeAsync("pause"));
        Assert.Equal("queued", await ChangeAsync("resume"));
        Assert.Equal("cancelled", await ChangeAsync("cancel"));
        Assert.Equal("cancelled", await ChangeAsync("cancel"));
        var ended = await client.GetNodeAsync($"{Jobs}/{job["id"]}");
        Assert.True((long)ended["finished_at"]! >= (long)ended["created_at"]!);
        foreach (var verb in new[] { "pause", "resume" })
            await FileTests.EnvelopeAsync(await client.PostAsync($"{Jobs}/{job["id"]}/{verb}", null, Token), HttpStatusCode.Conflict, null, "wrong_state");
    }

    [Theory]
    [InlineData("")]
    [InlineData("order=asc&")]
    public async Task List_PageByPage_GivesEveryJobOnceInOrder(string order)
    {
        var client = await world.CreateTenantAsync();
        var file = await FileTests.UploadAsync(client);
        var sent = new List<string>();
        for (var number = 0; number < 5; number++) sent.Add((string)(await CreateAsync(client, new JsonObject { ["model"] = "tiny", ["training_file"] = file }))["id"]!);
        if (order.Length == 0) sent.Reverse();

        Assert.Equal(sent, await WalkAsync(client, $"{Jobs}?{order}limit=2"));
        Assert.False((bool)(await client.GetNodeAsync(Jobs))["has_more"]!);
    }

    [Theory]
    [InlineData("?limit=101", "limit", "invalid_value")]
    [InlineData("?after=task_1", "after", "invalid_value")]
    [InlineData("?metadata[team]=x", "metadata[team]", "unknown_parameter")]
    public async Task List_OptionThatIsNoGood_IsRefusedByName(string query, string param, string code) =>
        await FileTests.EnvelopeAsync(await world.Client.GetAsync(Jobs + query, Token), HttpStatusCode.BadRequest, param, code);

    [Fact]
    public async Task Events_OfAPublishedJob_TellItInWordsAndNumbersPageByPage()
    {
        var client = await world.CreateTenantAsync();
        var job = await CreateAsync(client, new JsonObject { ["model"] = "tiny", ["training_file"] = await FileTests.UploadAsync(client) });
        await PublishAsync(job);
        var path = $"{Jobs}/{job["id"]}/events";

        var page = await client.GetNodeAsync(path);
        var events = page["data"]!.AsArray();

        Assert.Equal(["succeeded", "published", "evaluated", "progress", "attempt_failed", "queued"], events.Select(row => (string?)row!["x_event"]));
        Assert.Equal(["id", "object", "created_at", "level", "message", "type", "data", "x_event"], events[0]!.AsObject().Select(member => member.Key));
        Assert.All(events, row => Assert.Equal("fine_tuning.job.event", (string?)row!["object"]));
        Assert.Equal(["message", "message", "metrics", "metrics", "message", "message"], events.Select(row => (string?)row!["type"]));
        Assert.Equal(["info", "info", "info", "info", "warn", "info"], events.Select(row => (string?)row!["level"]));
        Assert.Equal("Step 2/4: training loss 1.5000", (string?)events[3]!["message"]);
        Assert.Equal("""{"percent":50,"step":2,"total_steps":4,"seconds_remaining":null,"train_loss":1.5}""", events[3]!["data"]!.ToJsonString());
        Assert.Equal("Created: 9 rows to train on, 1 held out, 6 steps.", (string?)events[5]!["message"]);
        Assert.Equal(events.Select(row => (string)row!["id"]!), await WalkAsync(client, $"{path}?limit=4"));
        Assert.Equal(events.Reverse().Select(row => (string)row!["id"]!), await WalkAsync(client, $"{path}?limit=4&order=asc"));
        await FileTests.EnvelopeAsync(await client.GetAsync($"{path}?after=ftevent-0193-1", Token), HttpStatusCode.BadRequest, "after", "invalid_value");
    }

    [Fact]
    public async Task Checkpoints_OfAPublishedJob_NameItsVersionWithWhatWasMeasured()
    {
        var client = await world.CreateTenantAsync();
        var job = await CreateAsync(client, new JsonObject { ["model"] = "tiny", ["training_file"] = await FileTests.UploadAsync(client), ["suffix"] = "support" });
        var path = $"{Jobs}/{job["id"]}/checkpoints";
        Assert.Empty((await client.GetNodeAsync(path))["data"]!.AsArray());
        await PublishAsync(job);

        var page = await client.GetNodeAsync(path);
        var shown = await client.GetNodeAsync($"{Jobs}/{job["id"]}");

        var checkpoint = page["data"]!.AsArray().Single()!;
        Assert.Equal(("fine_tuning.job.checkpoint", (string?)shown["fine_tuned_model"], 4, (string?)job["id"]),
            ((string?)checkpoint["object"], (string?)checkpoint["fine_tuned_model_checkpoint"], (int)checkpoint["step_number"]!, (string?)checkpoint["fine_tuning_job_id"]));
        var metrics = checkpoint["metrics"]!;
        Assert.Equal((4, 0.5, 0.75, 3), ((int)metrics["step"]!, (double)metrics["train_loss"]!, (double)metrics["x_score"]!, (int)metrics["x_rows"]!));
        Assert.Equal((0.75, 0.125), ((double)metrics["x_average_accuracy"]!, (double)metrics["x_forgetting"]!));
        Assert.True(metrics.AsObject().ContainsKey("full_valid_loss"));
        Assert.Null(metrics["full_valid_loss"]);
        Assert.Equal((false, (string?)checkpoint["id"]), ((bool)page["has_more"]!, (string?)page["last_id"]));
        Assert.Empty((await client.GetNodeAsync($"{path}?after={checkpoint["id"]}"))["data"]!.AsArray());
        Assert.Equal(("succeeded", 600, 0.125), ((string?)shown["status"], (long)shown["trained_tokens"]!, (double)shown["x_forgetting"]!));
    }

    [Fact]
    public async Task Job_ThatRunsOrFailed_TellsTheMomentOrTheReason()
    {
        var client = await world.CreateTenantAsync();
        var job = await CreateAsync(client, new JsonObject { ["model"] = "tiny", ["training_file"] = await FileTests.UploadAsync(client) });
        await ChangeAsync(job, task => (task.Status, task.SecondsRemaining, task.Percent, task.Step) = (LearningTaskStatus.Running, 90, 40, 2));

        var running = await client.GetNodeAsync($"{Jobs}/{job["id"]}");

        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        Assert.InRange((long)running["estimated_finish"]!, now + 60, now + 93);
        Assert.Equal("""{"percent":40,"steps_completed":2,"total_steps":6,"seconds_remaining":90,"estimate_available":true,"queue_position":null}""", running["x_progress"]!.ToJsonString());

        await ChangeAsync(job, task => (task.Status, task.SecondsRemaining, task.FailureCode, task.FailureMessage) = (LearningTaskStatus.Failed, null, TaskFailureCode.LossDiverged, "Lower the rate."));
        var failed = await client.GetNodeAsync($"{Jobs}/{job["id"]}");

        Assert.Equal("failed", (string?)failed["status"]);
        Assert.Null(failed["estimated_finish"]);
        Assert.Equal("""{"code":"loss_diverged","message":"Lower the rate.","param":null}""", failed["error"]!.ToJsonString());
    }

    [Fact]
    public async Task Job_OfAnotherTenant_DoesNotExist()
    {
        var (mine, theirs) = (await world.CreateTenantAsync(), await world.CreateTenantAsync());
        var file = await FileTests.UploadAsync(mine);
        var job = await CreateAsync(mine, new JsonObject { ["model"] = "tiny", ["training_file"] = file, ["suffix"] = "support" });
        await PublishAsync(job);
        var tuned = (string)(await mine.GetNodeAsync($"{Jobs}/{job["id"]}"))["fine_tuned_model"]!;
        var own = await FileTests.UploadAsync(theirs);

        foreach (var path in new[] { "", "/events", "/checkpoints" })
            await FileTests.EnvelopeAsync(await theirs.GetAsync($"{Jobs}/{job["id"]}{path}", Token), HttpStatusCode.NotFound, null, "not_found");
        foreach (var verb in new[] { "cancel", "pause", "resume" })
            await FileTests.EnvelopeAsync(await theirs.PostAsync($"{Jobs}/{job["id"]}/{verb}", null, Token), HttpStatusCode.NotFound, null, "not_found");
        await FileTests.EnvelopeAsync(await theirs.PostNodeAsync(Jobs, new JsonObject { ["model"] = "tiny", ["training_file"] = file }), HttpStatusCode.NotFound, "training_file", "not_found");
        await FileTests.EnvelopeAsync(await theirs.PostNodeAsync(Jobs, new JsonObject { ["model"] = "tiny", ["training_file"] = own, ["validation_file"] = file }), HttpStatusCode.NotFound, "validation_file", "not_found");
        foreach (var model in new[] { "support", tuned })
        {
            await FileTests.EnvelopeAsync(await theirs.PostNodeAsync(Jobs, new JsonObject { ["model"] = model, ["training_file"] = own }), HttpStatusCode.NotFound, "model", "model_not_found");
            await FileTests.EnvelopeAsync(await theirs.GetAsync($"/v1/models/{model}", Token), HttpStatusCode.NotFound, "model", "model_not_found");
            await FileTests.EnvelopeAsync(await theirs.DeleteAsync($"/v1/models/{model}", Token), HttpStatusCode.NotFound, "model", "model_not_found");
        }

        Assert.Empty((await theirs.GetNodeAsync(Jobs))["data"]!.AsArray());
        Assert.Equal("support", (string?)(await mine.GetNodeAsync("/adapters/support"))["name"]);
    }

    [Fact]
    public async Task DeleteModel_AdapterOrItsLastVersion_TakesTheAdapterAway()
    {
        var client = await world.CreateTenantAsync();
        var file = await FileTests.UploadAsync(client);
        async Task<string> TuneAsync(string model, int number, string? suffix = null)
        {
            var job = await CreateAsync(client, new JsonObject { ["model"] = model, ["training_file"] = file, ["suffix"] = suffix });
            await PublishAsync(job, number);
            return (string)(await client.GetNodeAsync($"{Jobs}/{job["id"]}"))["fine_tuned_model"]!;
        }

        var (early, late) = (await TuneAsync("tiny", 1, "support"), await TuneAsync("support", 2));
        await TuneAsync("tiny", 1, "plain");
        Assert.Equal(late, (string?)(await client.GetNodeAsync($"/v1/models/{late}"))["id"]);

        await FileTests.EnvelopeAsync(await client.DeleteAsync("/v1/models/tiny", Token), HttpStatusCode.Forbidden, "model", "base_model");
        await FileTests.EnvelopeAsync(await client.DeleteAsync($"/v1/models/{early}", Token), HttpStatusCode.Conflict, "model", "wrong_state");
        await FileTests.EnvelopeAsync(await client.DeleteAsync("/v1/models/support@1", Token), HttpStatusCode.Conflict, "model", "wrong_state");
        foreach (var name in new[] { late, "plain" })
            Assert.Equal($$"""{"id":"{{name}}","object":"model","deleted":true}""", (await (await client.DeleteAsync($"/v1/models/{name}", Token)).ReadAsync(HttpStatusCode.OK)).ToJsonString());

        Assert.Empty((await client.GetNodeAsync("/adapters"))["data"]!.AsArray());
        foreach (var gone in new[] { late, early, "support" })
            await FileTests.EnvelopeAsync(await client.GetAsync($"/v1/models/{gone}", Token), HttpStatusCode.NotFound, "model", "model_not_found");
    }

    [Fact]
    public async Task DeleteModel_WithAJobThatIsNotOver_IsRefused()
    {
        var client = await world.CreateTenantAsync();
        await CreateAsync(client, new JsonObject { ["model"] = "tiny", ["training_file"] = await FileTests.UploadAsync(client), ["suffix"] = "support" });

        await FileTests.EnvelopeAsync(await client.DeleteAsync("/v1/models/support", Token), HttpStatusCode.Conflict, null, "wrong_state");
    }

    private static async Task<JsonNode> CreateAsync(HttpClient client, JsonObject body) => await (await client.PostNodeAsync(Jobs, body)).ReadAsync(HttpStatusCode.OK);

    /// <summary>The ids of a list, page by page, as clients walk it.</summary>
    private static async Task<List<string>> WalkAsync(HttpClient client, string path)
    {
        var (seen, after) = (new List<string>(), "");
        for (var pages = 0; pages < 9; pages++)
        {
            var page = await client.GetNodeAsync(path + after);
            seen.AddRange(page["data"]!.AsArray().Select(item => (string)item!["id"]!));
            if (!(bool)page["has_more"]!) break;
            after = $"&after={page["last_id"]}";
        }

        return seen;
    }

    private Task<int> ChangeAsync(JsonNode job, Action<LearningTask> change)
    {
        var taskId = (string)job["x_task_id"]!;
        return world.WithDatabaseAsync(async database =>
        {
            change(await database.Tasks.SingleAsync(row => row.Id == taskId));
            return await database.SaveChangesAsync();
        });
    }

    /// <summary>Writes what a worker writes of a job that succeeds at its second attempt.</summary>
    private Task<int> PublishAsync(JsonNode job, int number = 1)
    {
        var taskId = (string)job["x_task_id"]!;
        return world.WithDatabaseAsync(async database =>
        {
            var now = TimeProvider.System.GetUtcNow();
            var task = await database.Tasks.SingleAsync(row => row.Id == taskId);
            var adapter = await database.Adapters.SingleAsync(row => row.Id == task.AdapterId);
            (task.Status, task.VersionNumber, task.FinishedAt, task.Step, task.Percent) = (LearningTaskStatus.Succeeded, number, now, 4, 100);
            adapter.HeadVersion = number;
            database.Versions.Add(new AdapterVersion
            {
                Id = Ids.New("ver"),
                AdapterId = adapter.Id,
                Number = number,
                Sha256 = "",
                StateSha256 = "",
                TaskId = taskId,
                TaskIndex = number,
                AverageAccuracy = 0.75,
                Forgetting = 0.125,
                CreatedAt = now,
            });
            if (number == 1) database.Aliases.Add(new AdapterAlias { AdapterId = adapter.Id, Name = AdapterAlias.Live, VersionNumber = number });
            database.MatrixCells.Add(new AdapterMatrixCell { AdapterId = adapter.Id, VersionNumber = number, TaskId = taskId, Score = 0.75, Count = 3, Metric = task.Metric });
            foreach (var (attempt, step, loss) in new[] { (1, 1, 9.0), (1, 2, 8.0), (2, 3, 1.0), (2, 4, 0.5) })
                database.StepMetrics.Add(new StepMetric { TaskId = taskId, Attempt = attempt, Step = step, Loss = loss, Tokens = 150 * step, CreatedAt = now });
            string[][] events =
            [
                [TaskEventTypes.AttemptFailed, """{"attempt":1,"reason":"It died."}"""],
                [TaskEventTypes.Progress, """{"percent":50,"step":2,"totalSteps":4,"secondsRemaining":null,"trainLoss":1.5}"""],
                [TaskEventTypes.Evaluated, """{"scores":[]}"""],
                [TaskEventTypes.Published, """{"version":1}"""],
                [TaskEventTypes.Succeeded, """{"version":1}"""],
            ];
            var next = 2;
            foreach (var row in events) database.TaskEvents.Add(new TaskEvent { TaskId = taskId, Number = next++, Type = row[0], DataJson = row[1], CreatedAt = now });
            await database.SaveChangesAsync();
            // Of no base that is here: dry runs of other tests would take this job's pace for their own.
            return await database.Tasks.Where(row => row.Id == taskId).ExecuteUpdateAsync(set => set.SetProperty(row => row.BaseDigest, "none"));
        });
    }
}
