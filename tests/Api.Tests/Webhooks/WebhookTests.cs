using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Api.Webhooks;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Xunit;

namespace ContinualService.Api.Tests.Webhooks;

/// <summary>Webhooks with receivers that are really there; their addresses are private, which these services allow.</summary>
public sealed class WebhookTests : IAsyncLifetime
{
    private const double FirstRetrySeconds = 0.05;

    private readonly ApiWorld _world = new(new Dictionary<string, string>
    {
        ["Webhooks:AllowPrivateAddresses"] = "true",
        ["Webhooks:PollSeconds"] = "0.02",
        ["Webhooks:MaxAttempts"] = "3",
        ["Webhooks:FirstRetrySeconds"] = FirstRetrySeconds.ToString(CultureInfo.InvariantCulture),
    });

    private Receiver _receiver = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _receiver = await Receiver.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Fact]
    public async Task Webhook_OfACancelledTask_IsToldOnceAndSigned()
    {
        var client = await _world.CreateTenantAsync();
        var webhook = await CreateAsync(client);
        var taskId = await CancelledTaskAsync(client);

        var message = await MessageAsync(1);

        var body = JsonNode.Parse(message.Body)!;
        Assert.Equal(["id", "object", "type", "created_at", "data"], body.AsObject().Select(field => field.Key));
        Assert.Equal((message.Id, "event", "fine_tuning.job.cancelled"), ((string?)body["id"], (string?)body["object"], (string?)body["type"]));
        Assert.Equal(("ftjob-" + taskId["task_".Length..], taskId), ((string?)body["data"]!["id"], (string?)body["data"]!["x_task_id"]));
        Assert.Equal(WebhookSignature.Of([(string)webhook["secret"]!], message.Id, long.Parse(message.Timestamp, CultureInfo.InvariantCulture), message.Body), message.Signature);
        Assert.InRange(long.Parse(message.Timestamp, CultureInfo.InvariantCulture), TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - 60, TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());
        var delivery = await EndedAsync(client, webhook);
        Assert.Equal(("delivered", 1, 204, message.Id), ((string?)delivery["state"], (int)delivery["attempts"]!, (int)delivery["lastStatus"]!, (string?)delivery["id"]));
        Assert.Single(_receiver.Messages);
    }

    [Fact]
    public async Task Webhook_OfSomeEvents_IsToldOfThemAlone()
    {
        var client = await _world.CreateTenantAsync();
        var failed = await CreateAsync(client, "fine_tuning.job.failed");
        var published = await CreateAsync(client, "adapter.version.published", "adapter.version.published");
        Assert.Equal("""["adapter.version.published"]""", published["events"]!.ToJsonString());
        var taskId = await CancelledTaskAsync(client);

        await AppendAsync(taskId, TaskEventTypes.Progress, new { percent = 5 });
        await AppendAsync(taskId, TaskEventTypes.Published, new { version = 4, taskIndex = 2 });

        var data = JsonNode.Parse((await MessageAsync(1)).Body)!["data"]!;
        Assert.Equal((4, 2), ((int)data["x_version"]!, (int)data["x_task_index"]!));
        await EndedAsync(client, published);
        Assert.Empty((await client.GetNodeAsync($"/webhooks/{failed["id"]}/deliveries"))["data"]!.AsArray());
        Assert.Single(_receiver.Messages);

        await CreateAsync(client, "adapter.gate.refused");
        await AppendAsync(taskId, TaskEventTypes.GateRefused, new { version = 5, gate = new { verdict = "refused" } });
        var refused = JsonNode.Parse((await MessageAsync(2)).Body)!;
        Assert.Equal(("adapter.gate.refused", 5, "refused"), ((string?)refused["type"], (int)refused["data"]!["x_version"]!, (string?)refused["data"]!["x_gate"]!["verdict"]));
    }

    [Fact]
    public async Task Webhook_OfDriftAlarms_IsToldWhichTheValueAndTheLimit()
    {
        var client = await _world.CreateTenantAsync();
        await CreateAsync(client, "adapter.drift.alarm");

        await AppendAsync(await CancelledTaskAsync(client), TaskEventTypes.DriftAlarm, new { version = 4, alarm = "score_drop", value = 0.25, limit = 0.1, subject = "task_1" });

        var body = JsonNode.Parse((await MessageAsync(1)).Body)!;
        var data = body["data"]!;
        Assert.Equal(("adapter.drift.alarm", "score_drop", 0.25, 0.1), ((string?)body["type"], (string?)data["x_alarm"], (double)data["x_value"]!, (double)data["x_limit"]!));
        Assert.Equal((4, "task_1"), ((int)data["x_version"]!, (string?)data["x_subject"]));
    }

    [Fact]
    public async Task Outbox_TransactionThatIsRolledBack_LeavesNoDelivery()
    {
        var client = await _world.CreateTenantAsync();
        var webhook = await CreateAsync(client);
        var taskId = await CancelledTaskAsync(client);
        await EndedAsync(client, webhook);

        await _world.WithDatabaseAsync(async database =>
        {
            await using var transaction = await database.Database.BeginTransactionAsync(Token);
            await database.AppendEventAsync(taskId, TaskEventTypes.Failed, null, TimeProvider.System.GetUtcNow(), Token);
            return await database.SaveChangesAsync(Token);
        });

        Assert.Single((await client.GetNodeAsync($"/webhooks/{webhook["id"]}/deliveries"))["data"]!.AsArray());
    }

    [Fact]
    public async Task Delivery_ReceiverThatFails_IsRepeatedWithTheSameIdAndThenGivenUp()
    {
        _receiver.Answer = number => number switch { 1 => HttpStatusCode.InternalServerError, 2 => HttpStatusCode.TemporaryRedirect, <= 3 => HttpStatusCode.NotFound, _ => HttpStatusCode.OK };
        var client = await _world.CreateTenantAsync();
        var webhook = await CreateAsync(client);
        var start = Stopwatch.GetTimestamp();
        await CancelledTaskAsync(client);

        var given = await EndedAsync(client, webhook);

        Assert.Equal(("failed", 3, 404), ((string?)given["state"], (int)given["attempts"]!, (int)given["lastStatus"]!));
        Assert.Contains("404", (string?)given["lastError"], StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(start).TotalSeconds >= FirstRetrySeconds * 5, "The pauses are one and four of the first.");
        Assert.Equal(3, _receiver.Messages.Count);
        Assert.Single(_receiver.Messages.Select(message => (message.Id, message.Body)).Distinct());

        // Its owner sends it once more.
        await (await client.PostAsync($"/webhooks/{webhook["id"]}/deliveries/{given["id"]}/redeliver", null, Token)).ReadAsync(HttpStatusCode.Accepted);
        Assert.Equal(given["id"]!.ToString(), (await MessageAsync(4)).Id);
        var delivered = await EndedAsync(client, webhook);
        Assert.Equal(("delivered", 1, null), ((string?)delivered["state"], (int)delivered["attempts"]!, (string?)delivered["lastError"]));
    }

    [Fact]
    public async Task Delivery_NobodyListens_IsLoggedWithTheReason()
    {
        var client = await _world.CreateTenantAsync();
        var webhook = await CreateAsync(client);
        await _receiver.DisposeAsync();
        await CancelledTaskAsync(client);

        var given = await EndedAsync(client, webhook);

        Assert.Equal(("failed", 3), ((string?)given["state"], (int)given["attempts"]!));
        Assert.Null(given["lastStatus"]);
        Assert.False(string.IsNullOrWhiteSpace((string?)given["lastError"]));
    }

    [Fact]
    public async Task Rotate_OldSecret_SignsBesideTheNewOne()
    {
        var client = await _world.CreateTenantAsync();
        var webhook = await CreateAsync(client);
        var rotated = await (await client.PostAsync($"/webhooks/{webhook["id"]}/rotate", null, Token)).ReadAsync(HttpStatusCode.OK);
        Assert.NotEqual((string?)webhook["secret"], (string?)rotated["secret"]);
        await CancelledTaskAsync(client);

        var message = await MessageAsync(1);

        Assert.Equal(
            WebhookSignature.Of([(string)rotated["secret"]!, (string)webhook["secret"]!], message.Id, long.Parse(message.Timestamp, CultureInfo.InvariantCulture), message.Body), message.Signature);
        var shown = (await client.GetNodeAsync($"/webhooks/{webhook["id"]}")).AsObject();
        Assert.False(shown.ContainsKey("secret"));
        Assert.InRange((DateTimeOffset)shown["previousSecretUntil"]!, TimeProvider.System.GetUtcNow().AddHours(23), TimeProvider.System.GetUtcNow().AddHours(25));
    }

    [Fact]
    public async Task Webhook_OfAnotherTenant_DoesNotExistAndHearsNothing()
    {
        var (mine, theirs) = (await _world.CreateTenantAsync(), await _world.CreateTenantAsync());
        var webhook = await CreateAsync(mine);
        await CancelledTaskAsync(theirs);
        await CancelledTaskAsync(mine);
        var delivery = await EndedAsync(mine, webhook);
        var path = $"/webhooks/{webhook["id"]}";

        foreach (var read in new[] { path, $"{path}/deliveries" }) await (await theirs.GetAsync(read, Token)).ProblemAsync(HttpStatusCode.NotFound, "not_found");
        foreach (var write in new[] { $"{path}/rotate", $"{path}/deliveries/{delivery["id"]}/redeliver" })
            await (await theirs.PostAsync(write, null, Token)).ProblemAsync(HttpStatusCode.NotFound, "not_found");
        await (await theirs.DeleteAsync(path, Token)).ProblemAsync(HttpStatusCode.NotFound, "not_found");

        Assert.Empty((await theirs.GetNodeAsync("/webhooks"))["data"]!.AsArray());
        Assert.Single(_receiver.Messages);
        Assert.Equal(HttpStatusCode.NoContent, (await mine.DeleteAsync(path, Token)).StatusCode);
        Assert.Empty((await mine.GetNodeAsync("/webhooks"))["data"]!.AsArray());
    }

    [Theory]
    [InlineData("""{}""", "url")]
    [InlineData("""{"url": "/hooks"}""", "url")]
    [InlineData("""{"url": "ftp://example.com"}""", "url")]
    [InlineData("""{"url": "https://me:secret@example.com"}""", "url")]
    [InlineData("""{"url": "https://example.com", "events": []}""", "events")]
    [InlineData("""{"url": "https://example.com", "events": ["none"]}""", "events")]
    [InlineData("""{"url": "https://example.com", "events": [1]}""", "events")]
    [InlineData("""{"url": "https://example.com", "secret": "x"}""", "secret")]
    public async Task Create_FieldThatIsNoGood_IsRefusedByName(string body, string field) =>
        Assert.Equal([field], (await (await _world.Client.PostTextAsync("/webhooks", body)).ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());

    [Theory]
    [InlineData("http://example.com")]
    [InlineData("https://127.0.0.1")]
    [InlineData("https://[::ffff:10.0.0.1]/hooks")]
    [InlineData("https://2130706433")]
    public async Task Create_PlainOrPrivateAddress_IsRefusedUnlessAllowed(string url)
    {
        await using var world = new ApiWorld();

        var refused = await (await world.Client.PostNodeAsync("/webhooks", new JsonObject { ["url"] = url })).ProblemAsync(HttpStatusCode.BadRequest, "invalid_request");

        Assert.Equal(["url"], refused.Fields());
    }

    [Fact]
    public async Task Delivery_NameThatLeadsInside_IsRefusedAtTheConnection()
    {
        await using var world = new ApiWorld(new Dictionary<string, string> { ["Webhooks:PollSeconds"] = "0.02", ["Webhooks:MaxAttempts"] = "1" });
        var client = await world.CreateTenantAsync();
        var webhook = await (await client.PostNodeAsync("/webhooks", new JsonObject { ["url"] = new Uri(_receiver.Url).Port is var port ? $"https://localhost:{port}/hooks" : null })).ReadAsync(HttpStatusCode.Created);
        await CancelledTaskAsync(client);

        var given = await EndedAsync(client, webhook);

        Assert.Equal("failed", (string?)given["state"]);
        Assert.Contains("not public", (string?)given["lastError"], StringComparison.Ordinal);
        Assert.Empty(_receiver.Messages);
    }

    [Fact]
    public void Pause_AttemptByAttempt_GrowsToSixHours() =>
        Assert.Equal([5, 20, 80, 320, 1280, 5120, 20_480, 21_600, 21_600], Enumerable.Range(1, 9).Select(attempt => WebhookDeliverer.Pause(attempt, TimeSpan.FromSeconds(5)).TotalSeconds));

    private async Task<JsonNode> CreateAsync(HttpClient client, params string[] events)
    {
        var body = new JsonObject { ["url"] = _receiver.Url };
        if (events.Length > 0) body["events"] = new JsonArray([.. events.Select(name => (JsonNode)name)]);
        return await (await client.PostNodeAsync("/webhooks", body)).ReadAsync(HttpStatusCode.Created);
    }

    private static async Task<string> CancelledTaskAsync(HttpClient client)
    {
        var task = await (await client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples() })).ReadAsync(HttpStatusCode.Accepted);
        await (await client.PostAsync($"/tasks/{task["id"]}/cancel", null, Token)).ReadAsync(HttpStatusCode.OK);
        return (string)task["id"]!;
    }

    private Task<int> AppendAsync(string taskId, string type, object data) => _world.WithDatabaseAsync(async database =>
    {
        await database.AppendEventAsync(taskId, type, data, TimeProvider.System.GetUtcNow(), Token);
        return await database.SaveChangesAsync(Token);
    });

    /// <summary>The receiver's message of this number, from 1.</summary>
    private async Task<Receiver.Received> MessageAsync(int number)
    {
        await UntilAsync(() => Task.FromResult(_receiver.Messages.Count >= number));
        return _receiver.Messages.ElementAt(number - 1);
    }

    /// <summary>The webhook's only delivery, once no attempt is to come.</summary>
    private static async Task<JsonNode> EndedAsync(HttpClient client, JsonNode webhook)
    {
        JsonNode? delivery = null;
        await UntilAsync(async () =>
        {
            delivery = (await client.GetNodeAsync($"/webhooks/{webhook["id"]}/deliveries"))["data"]!.AsArray().SingleOrDefault();
            return (string?)delivery?["state"] is "delivered" or "failed";
        });
        return delivery!;
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var start = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromMinutes(1), "Waited in vain.");
            await Task.Delay(20, Token);
        }
    }
}
