using System.Net;
using System.Text.Json.Nodes;
using ContinualService.TestKit;
using Xunit;

namespace ContinualService.Api.Tests.Adapters;

[Collection(ApiCollection.Name)]
public sealed class AdapterTests(ApiWorld world)
{
    [Fact]
    public async Task Create_WithNothingButAName_HasTheDefaults()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostTextAsync("/adapters", """{"name": "support-bot", "gate": null, "methodOptions": {}}""");

        var adapter = await response.ReadAsync(HttpStatusCode.Created);
        Assert.Equal($"/adapters/{adapter["id"]}", response.Headers.Location?.ToString());
        Assert.Equal("tiny", (string?)adapter["model"]);
        Assert.Equal(8, (int)adapter["rank"]!);
        Assert.Equal(16, (double)adapter["alpha"]!);
        Assert.Equal("all-linear", (string?)adapter["targetModules"]);
        Assert.Equal("slao", (string?)adapter["method"]);
        Assert.Equal(0, (int)adapter["headVersion"]!);
        Assert.Equal(0, (int)adapter["taskCount"]!);
        Assert.True(adapter["aliases"]!.AsObject().ContainsKey("live"));
        Assert.Null(adapter["aliases"]!["live"]);
        Assert.Equal(64, ((string)adapter["baseDigest"]!).Length);
        Assert.Equal((string?)adapter["id"], (string?)(await client.GetNodeAsync("/adapters/support-bot"))["id"]);
    }

    [Fact]
    public async Task Create_Answer_IsWhatEveryLaterGetShows()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostTextAsync("/adapters", """{"name": "same"}""");

        var created = await response.ReadAsync(HttpStatusCode.Created);
        Assert.Equal(created.ToJsonString(), (await client.GetNodeAsync("/adapters/same")).ToJsonString());
    }

    [Fact]
    public async Task Create_WithNamedLayers_GivesThemBack()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostTextAsync("/adapters", """{"name": "qv", "model": "tiny", "rank": 4, "alpha": 8, "targetModules": ["q_proj", "v_proj"], "method": "seqlora"}""");

        Assert.Equal("""["q_proj","v_proj"]""", (await response.ReadAsync(HttpStatusCode.Created))["targetModules"]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"name": "a", "rank": 0}""", "rank")]
    [InlineData("""{"name": "a", "rank": 257}""", "rank")]
    [InlineData("""{"name": "a", "rank": 200}""", "rank")]
    [InlineData("""{"name": "a", "alpha": 0}""", "alpha")]
    [InlineData("""{"name": "a", "targetModules": "some"}""", "targetModules")]
    [InlineData("""{"name": "a", "targetModules": ["query"]}""", "targetModules")]
    [InlineData("""{"name": "a", "targetModules": []}""", "targetModules")]
    [InlineData("""{"name": "a", "method": "magic"}""", "method")]
    [InlineData("""{"name": "a", "methodOptions": {"beta": 1}}""", "methodOptions.beta")]
    [InlineData("""{"name": "a", "method": "ewc", "methodOptions": {"lambda": -1}}""", "methodOptions.lambda")]
    [InlineData("""{"name": "a", "method": "slao", "methodOptions": {"merge": "all"}}""", "methodOptions.merge")]
    [InlineData("""{"name": "a", "method": "nmt-lora", "methodOptions": {"keepPairs": 1}}""", "methodOptions.keepPairs")]
    [InlineData("""{"name": "a", "gate": {"largestForgetting": -1}}""", "gate.largestForgetting")]
    [InlineData("""{"name": "a b"}""", "name")]
    [InlineData("""{"name": "a@1"}""", "name")]
    [InlineData("""{"name": "tiny"}""", "name")]
    [InlineData("""{"rank": 8}""", "name")]
    [InlineData("""{"name": "a", "colour": "red"}""", "colour")]
    public async Task Create_WithABadField_NamesIt(string json, string field)
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostTextAsync("/adapters", json);

        Assert.Equal([field], (await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
    }

    [Theory]
    [InlineData("""{"name": "a", "method": "magic"}""", "slao, seqlora, inclora, o-lora, ewc, magmax, opcm, soup, ties, c-lora, nmt-lora, lorac-ipc")]
    [InlineData("""{"name": "a", "method": "ewc", "methodOptions": {"gamma": 1}}""", "lambda (a number from 0 to 1000000000; default 100); decay (a number from 0 to 1; default 0.95); fisherRows")]
    [InlineData("""{"name": "a", "method": "slao", "methodOptions": {"init": "zero"}}""", "one of last-fine-tune, last-merge, random")]
    public async Task Create_UnknownMethodOrOption_ListsThoseThereAre(string json, string says)
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostTextAsync("/adapters", json);

        Assert.Contains(says, (await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request"))["errors"]![0]!["mend"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("slao", "{}", """{"init":"last-fine-tune","merge":"slao"}""")]
    [InlineData("slao", """{"init": "random"}""", """{"init":"random","merge":"slao"}""")]
    [InlineData("seqlora", "{}", "{}")]
    [InlineData("ewc", """{"lambda": 5}""", """{"lambda":5,"decay":0.95,"fisherRows":200}""")]
    [InlineData("nmt-lora", """{"keepPairs": true}""", """{"lambda":1000,"keepPairs":true}""")]
    public async Task Create_WithAMethod_ShowsEveryOptionEverywhere(string method, string options, string shown)
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostTextAsync("/adapters", $$"""{"name": "a", "method": "{{method}}", "methodOptions": {{options}}}""");

        var created = await response.ReadAsync(HttpStatusCode.Created);
        foreach (var adapter in new[] { created, await client.GetNodeAsync("/adapters/a"), (await client.GetNodeAsync("/adapters"))["data"]![0]! })
            Assert.Equal((method, shown), ((string?)adapter["method"], adapter["methodOptions"]!.ToJsonString()));
    }

    [Fact]
    public async Task Create_MethodThatWritesPromptsOnABaseWithoutTemplate_SaysWhatToDo()
    {
        var folder = TinyModelFolder.Write(world.ModelsRoot, "bare");
        var config = Path.Combine(folder, "tokenizer_config.json");
        var tokenizer = JsonNode.Parse(await File.ReadAllTextAsync(config, TestContext.Current.CancellationToken))!.AsObject();
        Assert.True(tokenizer.Remove("chat_template"));
        await File.WriteAllTextAsync(config, tokenizer.ToJsonString(), TestContext.Current.CancellationToken);
        var client = await world.CreateTenantAsync();

        using var refused = await client.PostTextAsync("/adapters", """{"name": "a", "model": "bare", "method": "recall"}""");
        using var taken = await client.PostTextAsync("/adapters", """{"name": "a", "method": "recall"}""");

        Assert.Contains("chat_template.jinja", (await refused.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("""{"share":1,"prompt":1,"temperature":0.8}""", (await taken.ReadAsync(HttpStatusCode.Created))["methodOptions"]!.ToJsonString());
    }

    [Fact]
    public async Task Create_UnknownLayer_ListsThoseThereAre()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostTextAsync("/adapters", """{"name": "a", "targetModules": ["query"]}""");

        Assert.Contains("q_proj", (string?)(await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request"))["detail"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Create_NameTwice_Conflicts()
    {
        var client = await world.CreateTenantAsync();
        using var first = await client.PostTextAsync("/adapters", """{"name": "twin"}""");

        using var second = await client.PostTextAsync("/adapters", """{"name": "twin"}""");

        await first.ReadAsync(HttpStatusCode.Created);
        await second.ProblemAsync(HttpStatusCode.Conflict, "name_taken");
    }

    [Fact]
    public async Task Delete_WithAnOpenTask_ConflictsUntilItIsCancelled()
    {
        var client = await world.CreateTenantAsync();
        using var submitted = await client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples() });
        var task = await submitted.ReadAsync(HttpStatusCode.Accepted);

        using var refused = await client.DeleteAsync("/adapters/default", TestContext.Current.CancellationToken);
        using var cancelled = await client.PostAsync($"/tasks/{task["id"]}/cancel", null, TestContext.Current.CancellationToken);
        using var deleted = await client.DeleteAsync("/adapters/default", TestContext.Current.CancellationToken);
        using var gone = await client.GetAsync("/adapters/default", TestContext.Current.CancellationToken);
        using var next = await client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples() });

        Assert.Equal((string?)task["id"], (string?)(await refused.ProblemAsync(HttpStatusCode.Conflict, "wrong_state"))["taskId"]);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        await gone.ProblemAsync(HttpStatusCode.NotFound, "not_found");
        Assert.NotEqual((string?)task["adapter"], (string?)(await next.ReadAsync(HttpStatusCode.Accepted))["adapter"]);
    }

    [Fact]
    public async Task Models_ListsBoth()
    {
        // Other tests put further ones there.
        var models = (await world.Client.GetNodeAsync("/models"))["data"]!.AsArray().Where(model => (string?)model!["name"] is "other" or "tiny").ToList();

        Assert.Equal(["other", "tiny"], models.Select(model => (string?)model!["name"]));
        Assert.True((bool)models[1]!["isDefault"]!);
        Assert.True((bool)models[1]!["usable"]!);
        Assert.Contains("q_proj", models[1]!["targetModules"]!.AsArray().Select(name => (string?)name));
    }
}
