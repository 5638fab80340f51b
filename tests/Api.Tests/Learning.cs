using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests;

/// <summary>What a client does with adapters that really learn.</summary>
internal static class Learning
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task CreateAdapterAsync(this HttpClient client, string name, string method = "slao")
    {
        using var response = await client.PostNodeAsync("/adapters", new JsonObject { ["name"] = name, ["rank"] = 4, ["method"] = method });
        await response.ReadAsync(HttpStatusCode.Created);
    }

    /// <summary>Sends a task and waits for it; the loss is its metric, because a model that knows nothing answers every question wrong.</summary>
    public static async Task<string> LearnAsync(this HttpClient client, string adapter, string name, bool evaluates = true)
    {
        using var taken = await client.PostNodeAsync("/tasks", new JsonObject
        {
            ["adapter"] = adapter,
            ["name"] = name,
            ["examples"] = Http.Examples(),
            ["evaluation"] = evaluates ? new JsonObject { ["fraction"] = 0.2, ["metric"] = "loss" } : new JsonObject { ["fraction"] = 0 },
            ["hyperparameters"] = new JsonObject { ["epochs"] = 2, ["seed"] = name.Length, ["learningRate"] = 0.01 },
        });
        var id = (string)(await taken.ReadAsync(HttpStatusCode.Accepted))["id"]!;
        Assert.Equal("succeeded", await client.EndAsync(id));
        return id;
    }

    /// <summary>Waits until a task is neither queued nor running, and gives its status.</summary>
    public static async Task<string?> EndAsync(this HttpClient client, string taskId)
    {
        string? status;
        while ((status = (string?)(await client.GetNodeAsync($"/tasks/{taskId}"))["status"]) is "queued" or "running") await Task.Delay(100, Token);
        return status;
    }

    /// <summary>Asks for a merge preview and waits for it.</summary>
    public static Task<JsonNode> PreviewAsync(this HttpClient client, string adapter, string body) => client.MakeAsync($"/adapters/{adapter}/merge-previews", body);

    /// <summary>Asks for a preview, a replay or an unlearning and waits for its end.</summary>
    public static async Task<JsonNode> MakeAsync(this HttpClient client, string path, string body)
    {
        using var response = await client.PostTextAsync(path, body);
        Assert.Null((await response.ReadAsync(HttpStatusCode.Accepted))["curve"]);
        var location = response.Headers.Location!.ToString();
        JsonNode made;
        while ((string?)(made = await client.GetNodeAsync(location))["status"] is "queued" or "running") await Task.Delay(50, Token);
        Assert.True((string?)made["status"] == "succeeded", made.ToJsonString());
        return made;
    }

    public static async Task<JsonNode> AdoptAsync(this HttpClient client, JsonNode preview, JsonObject point, HttpStatusCode expected = HttpStatusCode.Created)
    {
        using var response = await client.PostNodeAsync($"/adapters/{preview["adapterId"]}/merge-previews/{preview["id"]}/adopt", point);
        return await response.ReadAsync(expected);
    }
}
