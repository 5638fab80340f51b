using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests.Adapters;

[Collection(ApiCollection.Name)]
public sealed class DriftTests(ApiWorld world)
{
    [Fact]
    public async Task SetDrift_OfAnAdapter_IsShownAndTakenBack()
    {
        using var client = await world.CreateTenantAsync();
        await CreateAsync(client);

        var set = await PutAsync(client, """{"scoreDrop": 0.05, "angle": 90, "canaryPrompts": ["hello"]}""", HttpStatusCode.OK);

        Assert.Equal("""{"scoreDrop":0.05,"lossRise":null,"angle":90,"canaryKl":null,"stopDrop":null,"canaryPrompts":["hello"]}""", set["drift"]!.ToJsonString());
        Assert.Equal(set["drift"]!.ToJsonString(), (await client.GetNodeAsync("/adapters/bot"))["drift"]!.ToJsonString());
        Assert.Null((await PutAsync(client, "{}", HttpStatusCode.OK))["drift"]);
        Assert.Equal(["adapter.drift", "adapter.drift", "adapter.create"], (await client.GetNodeAsync("/audit"))["data"]!.AsArray().Take(3).Select(entry => (string?)entry!["action"]));
        using var stranger = await world.CreateTenantAsync();
        await PutAsync(stranger, "{}", HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("""{"scoreDrop": 1.5}""", "scoreDrop")]
    [InlineData("""{"lossRise": -0.1}""", "lossRise")]
    [InlineData("""{"angle": 91}""", "angle")]
    [InlineData("""{"canaryKl": 1e7}""", "canaryKl")]
    [InlineData("""{"stopDrop": "none"}""", "stopDrop")]
    [InlineData("""{"canaryPrompts": []}""", "canaryPrompts")]
    [InlineData("""{"canaryPrompts": ["a", " "]}""", "canaryPrompts")]
    [InlineData("""{"canaryPrompts": "a"}""", "canaryPrompts")]
    [InlineData("""{"canaryPrompts": [null]}""", "canaryPrompts")]
    [InlineData("""{"alarm": 1}""", "alarm")]
    public async Task SetDrift_WrongInput_NamesTheField(string body, string field)
    {
        using var client = await world.CreateTenantAsync();
        await CreateAsync(client);

        Assert.Equal(field, (string?)(await PutAsync(client, body, HttpStatusCode.BadRequest))["errors"]![0]!["field"]);
        Assert.Null((await client.GetNodeAsync("/adapters/bot"))["drift"]);
    }

    private static async Task CreateAsync(HttpClient client)
    {
        using var made = await client.PostTextAsync("/adapters", """{"name": "bot"}""");
        await made.ReadAsync(HttpStatusCode.Created);
    }

    private static async Task<JsonNode> PutAsync(HttpClient client, string body, HttpStatusCode expected)
    {
        using var response = await client.PutAsync("/adapters/bot/drift", new StringContent(body, Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
        return await response.ReadAsync(expected);
    }
}
