using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests;

/// <summary>
/// A service with two adapters that have learned, for tests that only look. <c>bot</c> has four versions: 1 of task first, 2 of task second on top of it, 3 another merge of second
/// adopted from a preview of 2, and, after a rollback to 1, version 4 of task third. <c>canary</c> is 2, and live was pointed at 2 and back. <c>sums</c> has a method that grows, and two tasks.
/// </summary>
public sealed class LearnedWorld : IAsyncLifetime
{
    public ApiWorld Api { get; } = new(new Dictionary<string, string> { ["Serving:MaxResidentAdapters"] = "1", ["Training:SweepSeconds"] = "3600" }, runsTasks: true);

    public HttpClient Client => Api.Client;

    public JsonNode Preview { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await Client.CreateAdapterAsync("bot");
        await Client.LearnAsync("bot", "first");
        await Client.LearnAsync("bot", "second");
        Preview = await Client.PreviewAsync("bot", """{"lambdas": [0.25, 0.375]}""");
        await Client.AdoptAsync(Preview, new JsonObject { ["lambda"] = .375 });
        await PointAsync("canary", 2);
        using (var back = await Client.PostTextAsync("/adapters/bot/rollback", """{"version": 1}""")) await back.ReadAsync(HttpStatusCode.OK);
        await Client.LearnAsync("bot", "third \"<x>\"");
        await PointAsync("live", 2);
        await PointAsync("live", 4);
        await Client.CreateAdapterAsync("sums", "o-lora");
        await Client.LearnAsync("sums", "first");
        await Client.LearnAsync("sums", "second");
    }

    public ValueTask DisposeAsync() => Api.DisposeAsync();

    private async Task PointAsync(string alias, int version)
    {
        using var response = await Client.PutAsync(
            $"/adapters/bot/aliases/{alias}", new StringContent($$"""{"version": {{version}}}""", Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
        await response.ReadAsync(HttpStatusCode.OK);
    }
}
