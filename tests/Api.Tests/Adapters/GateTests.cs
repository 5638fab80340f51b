using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Gates;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Webhooks;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Api.Tests.Adapters;

/// <summary>Setting gates, and letting refused versions through, over rows that were put there.</summary>
[Collection(ApiCollection.Name)]
public sealed class GateTests(ApiWorld world)
{
    private const string Whole = """{"largestForgetting":0.05,"largestMeanForgetting":0,"leastGain":-0.5,"confidence":0.9,"leastRows":10,"inconclusive":"accept","onFail":"largestLambda"}""";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gate_SetReplacedAndTakenAway_IsShownWithItsDefaults()
    {
        var client = await world.CreateTenantAsync();
        using var made = await client.PostNodeAsync("/adapters", new JsonObject { ["name"] = "gated", ["gate"] = JsonNode.Parse(Whole) });
        Assert.Equal(Whole, (await made.ReadAsync(HttpStatusCode.Created))["gate"]!.ToJsonString());

        // Whole, not field by field: what is not sent has its default again.
        var replaced = await PatchAsync(client, """{"gate": {"leastGain": 1}}""", HttpStatusCode.OK);
        const string Defaults = """{"largestForgetting":null,"largestMeanForgetting":null,"leastGain":1,"confidence":0.95,"leastRows":30,"inconclusive":"refuse","onFail":"refuse"}""";
        Assert.Equal(Defaults, replaced["gate"]!.ToJsonString());
        Assert.Equal(Defaults, (await client.GetNodeAsync("/adapters/gated"))["gate"]!.ToJsonString());
        Assert.Null((await PatchAsync(client, """{"gate": null}""", HttpStatusCode.OK))["gate"]);
        Assert.Null((await client.GetNodeAsync("/adapters/gated"))["gate"]);
        Assert.Equal(2, (await client.GetNodeAsync("/audit?action=adapter.gate"))["data"]!.AsArray().Count);

        using var stranger = await world.CreateTenantAsync();
        await PatchAsync(stranger, """{"gate": null}""", HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("{}", "gate")]
    [InlineData("""{"confidence": 0.9}""", "gate")]
    [InlineData("""{"largestForgetting": -0.1}""", "gate.largestForgetting")]
    [InlineData("""{"largestMeanForgetting": -1}""", "gate.largestMeanForgetting")]
    [InlineData("""{"leastGain": 1e7}""", "gate.leastGain")]
    [InlineData("""{"leastGain": "much"}""", "gate.leastGain", "gate")]
    [InlineData("""{"leastGain": 0, "confidence": 1}""", "gate.confidence")]
    [InlineData("""{"leastGain": 0, "confidence": 0.4}""", "gate.confidence")]
    [InlineData("""{"leastGain": 0, "leastRows": 0}""", "gate.leastRows")]
    [InlineData("""{"leastGain": 0, "leastRows": 1.5}""", "gate.leastRows")]
    [InlineData("""{"leastGain": 0, "inconclusive": "maybe"}""", "gate.inconclusive")]
    [InlineData("""{"leastGain": 0, "onFail": "largest_lambda"}""", "gate.onFail")]
    [InlineData("""{"leastGain": 0, "maxForgetting": 1}""", "gate.maxForgetting")]
    [InlineData("\"strict\"", "gate")]
    public async Task Gate_ThatIsNoGood_IsRefusedByNameWhereverItIsSent(string gate, params string[] fields)
    {
        var client = await world.CreateTenantAsync();
        using var made = await client.PostTextAsync("/adapters", $$"""{"name": "new", "gate": {{gate}}}""");
        Assert.Equal(fields, (await made.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());

        await CreateAsync(client, "slao");
        Assert.Equal(fields, (await PatchAsync(client, $$"""{"gate": {{gate}}}""", HttpStatusCode.BadRequest)).Fields());
        Assert.Null((await client.GetNodeAsync("/adapters/gated"))["gate"]);
    }

    [Fact]
    public async Task Gate_LargestLambda_IsForMethodsThatMergeByOne()
    {
        var client = await world.CreateTenantAsync();
        using var made = await client.PostTextAsync("/adapters", """{"name": "new", "method": "o-lora", "gate": {"leastGain": 0, "onFail": "largestLambda"}}""");
        Assert.Equal(["gate.onFail"], (await made.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
        await CreateAsync(client, "seqlora");
        var refused = await PatchAsync(client, """{"gate": {"leastGain": 0, "onFail": "largestLambda"}}""", HttpStatusCode.BadRequest);
        Assert.Contains("slao or soup", (string?)refused["errors"]![0]!["mend"], StringComparison.Ordinal);
        await PatchAsync(client, """{"gate": {"leastGain": 0, "onFail": "refuse"}}""", HttpStatusCode.OK);

        Assert.Equal(["gate"], (await PatchAsync(client, "{}", HttpStatusCode.BadRequest)).Fields());
        Assert.Equal(["rank"], (await PatchAsync(client, """{"rank": 4, "gate": null}""", HttpStatusCode.BadRequest)).Fields());
        Assert.NotNull((await client.GetNodeAsync("/adapters/gated"))["gate"]);
    }

    [Fact]
    public async Task Override_OfARefusedVersion_MakesItHeadAndLiveAndIsWrittenDown()
    {
        var client = await world.CreateTenantAsync();
        var taskId = await RefuseAsync(client);
        var refused = await client.GetNodeAsync("/adapters/gated/versions/2");
        Assert.Equal(("refused", "refused", null), ((string?)refused["status"], (string?)refused["gate"]!["verdict"], refused["override"]));

        // Step 1: it neither becomes live by another way, nor without a reason.
        foreach (var (path, put) in new[] { ("/adapters/gated/aliases/live", true), ("/adapters/gated/rollback", false) })
        {
            var body = new StringContent("""{"version": 2}""", null, "application/json");
            using var response = put ? await client.PutAsync(path, body, Token) : await client.PostAsync(path, body, Token);
            Assert.Contains("override", (string?)(await response.ProblemAsync(HttpStatusCode.Conflict, "wrong_state"))["detail"], StringComparison.Ordinal);
        }

        foreach (var body in new[] { "{}", """{"reason": null}""", """{"reason": "  "}""", """{"reason": 7}""", $$"""{"reason": "{{new string('x', 1001)}}"}""" })
            Assert.Equal(["reason"], (await OverrideAsync(client, 2, body, HttpStatusCode.BadRequest)).Fields());
        Assert.Equal((1, 1, 1), await HeadAsync(client));
        using (var canary = await client.PutAsync("/adapters/gated/aliases/canary", new StringContent("""{"version": 2}""", null, "application/json"), Token)) await canary.ReadAsync(HttpStatusCode.OK);

        // Step 2: with one.
        var published = await OverrideAsync(client, 2, """{"reason": " The product is gone. "}""", HttpStatusCode.OK);
        var key = (string?)(await client.GetNodeAsync("/audit?action=adapter.gate.override"))["data"]![0]!["actor"];
        Assert.Equal(("published", "The product is gone.", key), ((string?)published["status"], (string?)published["override"]!["reason"], (string?)published["override"]!["actor"]));
        Assert.Equal(published.ToJsonString(), (await client.GetNodeAsync("/adapters/gated/versions/2")).ToJsonString());
        Assert.Equal((2, 2, 2), await HeadAsync(client));
        var audit = (await client.GetNodeAsync("/audit"))["data"]![0]!;
        Assert.Equal(("adapter.gate.override", "The product is gone.", (string?)published["override"]!["at"]), ((string?)audit["action"], (string?)audit["reason"], (string?)audit["createdAt"]));
        var move = (await client.GetNodeAsync("/adapters/gated/aliases"))["data"]![0]!;
        Assert.Equal(("live", 1, 2, key), ((string?)move["alias"], (int)move["fromVersion"]!, (int)move["toVersion"]!, (string?)move["actor"]));
        var told = await world.WithDatabaseAsync(database => database.WebhookDeliveries.Where(row => row.TaskId == taskId).Select(row => row.Type + row.DataJson).SingleAsync(Token));
        Assert.StartsWith(WebhookTypes.Published + """{"version":2,""", told, StringComparison.Ordinal);

        // Step 3: once.
        Assert.Contains("No gate keeps version 2 back", (string?)(await OverrideAsync(client, 2, """{"reason": "again"}""", HttpStatusCode.Conflict))["detail"], StringComparison.Ordinal);
        await OverrideAsync(client, 1, """{"reason": "published all along"}""", HttpStatusCode.Conflict);
        await OverrideAsync(client, 9, """{"reason": "not there"}""", HttpStatusCode.NotFound);
        using var stranger = await world.CreateTenantAsync();
        await OverrideAsync(stranger, 2, """{"reason": "not yours"}""", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Override_AfterTheHeadHasMoved_IsRefusedUntilItIsBack()
    {
        var client = await world.CreateTenantAsync();
        await RefuseAsync(client);
        await AddVersionAsync(client, 3, 1, gate: null);

        var refused = (string?)(await OverrideAsync(client, 2, """{"reason": "why not"}""", HttpStatusCode.Conflict))["detail"];

        Assert.Contains("made from version 1, and the head is version 3 by now", refused, StringComparison.Ordinal);
        Assert.Equal((3, 3, 2), await HeadAsync(client));
        Assert.Equal("refused", (string?)(await client.GetNodeAsync("/adapters/gated/versions/2"))["status"]);
        using (var back = await client.PostTextAsync("/adapters/gated/rollback", """{"version": 1}""")) await back.ReadAsync(HttpStatusCode.OK);
        await OverrideAsync(client, 2, """{"reason": "on from there"}""", HttpStatusCode.OK);
        Assert.Equal((2, 2, 2), await HeadAsync(client));
    }

    /// <summary>Version 1 is head and live, version 2 was made of it and refused; gives version 2's task.</summary>
    private async Task<string> RefuseAsync(HttpClient client)
    {
        await CreateAsync(client, "slao");
        await world.WithDatabaseAsync(async database =>
        {
            var adapter = await AdapterAsync(client, database);
            database.Add(new Webhook { Id = Ids.New("wh"), TenantId = adapter.TenantId, Url = "https://hooks.invalid/", Events = string.Join(' ', WebhookTypes.All), Secret = "whsec_AAAA" });
            return await database.SaveChangesAsync(Token);
        });
        await AddVersionAsync(client, 1, null, gate: null);
        var policy = new GatePolicy { LargestForgetting = 0.01, LeastRows = 2 };
        return await AddVersionAsync(client, 2, 1, ForgettingGate.Judge(policy, 0.7, [new PairedRows("task_x", 1, [1, 1], [0, 0])], PairedRows.None("task_y")));
    }

    // By the very code that publishes.
    private Task<string> AddVersionAsync(HttpClient client, int number, int? parent, GateVerdict? gate) => world.WithDatabaseAsync(async database =>
    {
        using var sent = await client.PostNodeAsync("/tasks", new JsonObject { ["adapter"] = "gated", ["name"] = $"{number}", ["examples"] = Http.Examples() });
        var taskId = (string)(await sent.ReadAsync(HttpStatusCode.Accepted))["id"]!;
        var adapter = await AdapterAsync(client, database);
        var learned = await database.Versions.Where(row => row.AdapterId == adapter.Id && row.Number == parent).ToListAsync(Token);
        await new Infrastructure.Database.NewVersion
        {
            AdapterId = adapter.Id,
            Learned = learned,
            Parent = parent,
            TaskId = taskId,
            TaskIndex = learned.Count + 1,
            Lambda = 1,
            Sha256 = taskId,
            SizeBytes = 1,
            StateSha256 = "",
            StateBytes = 1,
            Gate = gate,
            Actor = taskId,
        }.AddAsync(database, _ => [], TimeProvider.System.GetUtcNow(), Token);
        await database.SaveChangesAsync(Token);
        return taskId;
    });

    private static async Task<Adapter> AdapterAsync(HttpClient client, Infrastructure.Database.ServiceDbContext database)
    {
        var id = (string?)(await client.GetNodeAsync("/adapters/gated"))["id"];
        return await database.Adapters.SingleAsync(row => row.Id == id, Token);
    }

    private static async Task<(int Head, int Live, int Tasks)> HeadAsync(HttpClient client)
    {
        var adapter = await client.GetNodeAsync("/adapters/gated");
        return ((int)adapter["headVersion"]!, (int)adapter["aliases"]!["live"]!, (int)adapter["taskCount"]!);
    }

    private static async Task CreateAsync(HttpClient client, string method)
    {
        using var made = await client.PostNodeAsync("/adapters", new JsonObject { ["name"] = "gated", ["method"] = method });
        await made.ReadAsync(HttpStatusCode.Created);
    }

    private static async Task<JsonNode> PatchAsync(HttpClient client, string body, HttpStatusCode expected)
    {
        using var response = await client.PatchAsync("/adapters/gated", new StringContent(body, null, "application/json"), Token);
        return await response.ReadAsync(expected);
    }

    private static async Task<JsonNode> OverrideAsync(HttpClient client, int number, string body, HttpStatusCode expected)
    {
        using var response = await client.PostTextAsync($"/adapters/gated/versions/{number}/override", body);
        return await response.ReadAsync(expected);
    }
}
