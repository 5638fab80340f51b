using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Api.Serving;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

/// <summary>Answers whose engine ends under them.</summary>
public sealed class BrokenStreamTests : IAsyncDisposable
{
    private readonly ServingWorld _world = new();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Stream_EngineEnds_TellsItInTheStreamAndIsNotDone()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(Body(stream: true), System.Text.Encoding.UTF8, "application/json") };
        using var response = await _world.Api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith("data: ", await reader.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);

        ((ModelHost)_world.Api.Services.GetRequiredService<IServingBackend>()).Dispose();
        var rest = (await reader.ReadToEndAsync(TestContext.Current.CancellationToken)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);

        var error = JsonNode.Parse(rest[^1].Trim()["data: ".Length..])!["error"]!;
        Assert.Equal(("server_error", "overloaded"), ((string?)error["type"], (string?)error["code"]));
        Assert.Equal(response.Headers.GetValues("X-Request-Id").Single(), (string?)error["x_trace_id"]);
        Assert.DoesNotContain("data: [DONE]", rest);
    }

    [Fact]
    public async Task Answer_EngineEnds_IsRefusedForLater()
    {
        var answer = _world.Api.Client.PostTextAsync("/v1/chat/completions", Body(stream: false));
        using var meter = new ServingMeter(_world.Api.Services);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (meter.Read("sequences", "running") == 0) await Task.Delay(5, limit.Token);

        ((ModelHost)_world.Api.Services.GetRequiredService<IServingBackend>()).Dispose();
        using var response = await answer;

        Assert.Equal("overloaded", (string?)(await response.ReadAsync(HttpStatusCode.ServiceUnavailable))["error"]!["code"]);
        Assert.Equal(TimeSpan.FromSeconds(2), response.Headers.RetryAfter?.Delta);
    }

    /// <summary>An answer that takes as long as the context holds.</summary>
    private static string Body(bool stream) => new JsonObject
    {
        ["model"] = "qwen2",
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "Hello there" }),
        ["stream"] = stream,
        ["n"] = 16,
        ["logprobs"] = true,
        ["top_logprobs"] = 20,
        ["logit_bias"] = new JsonObject { ["444"] = -100 }, // the end of a turn
    }.ToJsonString();
}
