using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Api.Tests.OpenAi;
using ContinualService.Engine.Lora;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Api.Tests.Adapters;

/// <summary>Names of versions, and going back to one.</summary>
public sealed class AliasTests : IAsyncDisposable
{
    private const string Model = "llama3";
    private static readonly LoraConfig Config = new(4, 8, ["q_proj"]);
    private readonly ServingWorld _world = new();
    private readonly RandomAdapters _adapters = new(Model);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private HttpClient Client => _world.Api.Client;

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        _adapters.Dispose();
    }

    [Fact]
    public async Task Set_NameOfAVersion_AnswersForItWhileLiveAndHeadStay()
    {
        await PublishAsync(versions: 2);

        var shown = await PutAsync("canary", 1);

        Assert.Equal((1, 2, 2), ((int)shown["aliases"]!["canary"]!, (int)shown["aliases"]!["live"]!, (int)shown["headVersion"]!));
        Assert.Equal(1, await AnsweredByAsync("names:canary"));
        Assert.Equal(2, await AnsweredByAsync("names"));
        await PutAsync("canary", 2);
        await PutAsync("canary", 2); // safe to repeat
        Assert.Equal(2, await AnsweredByAsync("names:canary"));
        var aliases = await Client.GetNodeAsync("/adapters/names/aliases");
        Assert.Equal([("canary", 1, 2), ("canary", null, 1)], aliases["data"]!.AsArray().Where(move => (string?)move!["alias"] == "canary")
            .Select(move => ((string)move!["alias"]!, (int?)move["fromVersion"], (int)move["toVersion"]!)));

        using var deleted = await Client.DeleteAsync("/adapters/names/aliases/canary", Token);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await AskAsync("names:canary")).StatusCode);
    }

    [Fact]
    public async Task RollBack_ToAnEarlierVersion_MakesItLiveAndHead()
    {
        await PublishAsync(versions: 3);
        // What is learned next counts on from the version's own number of tasks.
        await _world.Api.WithDatabaseAsync(database => database.Adapters.ExecuteUpdateAsync(adapter => adapter.SetProperty(row => row.TaskCount, 3)));

        var answer = await RollBackAsync("names", 1);

        var shown = await Client.GetNodeAsync("/adapters/names");
        Assert.Equal(shown.ToJsonString(), answer.ToJsonString());
        Assert.Equal((1, 1, 1), ((int)shown["aliases"]!["live"]!, (int)shown["headVersion"]!, (int)shown["taskCount"]!));
        Assert.Equal(1, await AnsweredByAsync("names"));
        Assert.Equal(3, (int)(await Client.GetNodeAsync("/adapters/names/versions/3"))["number"]!);
        await RollBackAsync("names", 3);
        Assert.Equal(3, await AnsweredByAsync("names"));
        var actions = await _world.Api.WithDatabaseAsync(database => database.Audit.Where(row => row.Action == "adapter.rollback").CountAsync());
        Assert.Equal(2, actions);
    }

    [Theory]
    [InlineData("PUT", "/adapters/names/aliases/canary", """{"version": 9}""", HttpStatusCode.NotFound, "Version 9 of 'names'")]
    [InlineData("PUT", "/adapters/names/aliases/canary", """{}""", HttpStatusCode.BadRequest, "The version is missing")]
    [InlineData("PUT", "/adapters/names/aliases/canary", """{"version": 0}""", HttpStatusCode.BadRequest, "There is no version 0")]
    [InlineData("PUT", "/adapters/names/aliases/canary", """{"version": "1"}""", HttpStatusCode.BadRequest, "a whole number")]
    [InlineData("PUT", "/adapters/names/aliases/canary", """{"number": 1}""", HttpStatusCode.BadRequest, "not known here")]
    [InlineData("PUT", "/adapters/names/aliases/-x", """{"version": 1}""", HttpStatusCode.BadRequest, "cannot be the name of an alias")]
    [InlineData("PUT", "/adapters/other/aliases/canary", """{"version": 1}""", HttpStatusCode.NotFound, "The adapter 'other'")]
    [InlineData("DELETE", "/adapters/names/aliases/live", null, HttpStatusCode.Conflict, "Point it at another version")]
    [InlineData("DELETE", "/adapters/names/aliases/none", null, HttpStatusCode.NotFound, "The alias 'none'")]
    [InlineData("POST", "/adapters/names/rollback", """{"version": 9}""", HttpStatusCode.NotFound, "Version 9 of 'names'")]
    [InlineData("POST", "/adapters/names/rollback", """{"version": -1}""", HttpStatusCode.BadRequest, "There is no version -1")]
    [InlineData("POST", "/adapters/other/rollback", """{"version": 1}""", HttpStatusCode.NotFound, "The adapter 'other'")]
    public async Task Move_ThatCannotBe_SaysWhyAndChangesNothing(string method, string path, string? body, HttpStatusCode status, string detail)
    {
        await PublishAsync(versions: 1);
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : new StringContent(body, null, "application/json") };

        using var response = await Client.SendAsync(request, Token);

        Assert.Contains(detail, (await response.ReadAsync(status)).ToJsonString().Replace("\\u0027", "'", StringComparison.Ordinal), StringComparison.Ordinal);
        var shown = await Client.GetNodeAsync("/adapters/names");
        Assert.Equal("""{"live":1}""", shown["aliases"]!.ToJsonString());
        Assert.Equal(1, (int)shown["headVersion"]!);
    }

    [Fact]
    public async Task Move_ByAnotherTenant_FindsNothing()
    {
        await PublishAsync(versions: 1);
        using var other = await _world.Api.CreateTenantAsync();
        foreach (var (method, path) in new[] { (HttpMethod.Put, "/adapters/names/aliases/canary"), (HttpMethod.Post, "/adapters/names/rollback") })
        {
            using var request = new HttpRequestMessage(method, path) { Content = new StringContent("""{"version": 1}""", null, "application/json") };
            using var response = await other.SendAsync(request, Token);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }
    }

    [Fact]
    public async Task Set_MoreNamesThanThereMayBe_IsRefused()
    {
        await PublishAsync(versions: 1);
        for (var index = 0; index < 31; index++) await PutAsync($"a{index}", 1);

        using var refused = await SendPutAsync("one-more", 1);

        Assert.Contains("can be no more", (string?)(await refused.ReadAsync(HttpStatusCode.Conflict))["detail"], StringComparison.Ordinal);
        await PutAsync("a7", 1); // one that is there already
    }

    private async Task PublishAsync(int versions)
    {
        for (var number = 1; number <= versions; number++) await _world.PublishAsync("names", Model, _adapters.Write(Config, seed: number), number);
    }

    private Task<HttpResponseMessage> SendPutAsync(string alias, int version) =>
        Client.PutAsync($"/adapters/names/aliases/{alias}", new StringContent($$"""{"version": {{version}}}""", null, "application/json"), Token);

    private async Task<JsonNode> PutAsync(string alias, int version)
    {
        using var response = await SendPutAsync(alias, version);
        return await response.ReadAsync(HttpStatusCode.OK);
    }

    private async Task<JsonNode> RollBackAsync(string adapter, int version)
    {
        using var response = await Client.PostTextAsync($"/adapters/{adapter}/rollback", $$"""{"version": {{version}}}""");
        return await response.ReadAsync(HttpStatusCode.OK);
    }

    private Task<HttpResponseMessage> AskAsync(string model) => Client.PostNodeAsync(
        "/v1/completions", new JsonObject { ["model"] = model, ["prompt"] = new JsonArray([.. ServingWorld.Prompt.Select(id => JsonValue.Create(id))]), ["max_tokens"] = 1 });

    private async Task<int> AnsweredByAsync(string model)
    {
        using var response = await AskAsync(model);
        await response.ReadAsync(HttpStatusCode.OK);
        return int.Parse(response.Headers.GetValues("X-Adapter-Version").Single(), CultureInfo.InvariantCulture);
    }
}
