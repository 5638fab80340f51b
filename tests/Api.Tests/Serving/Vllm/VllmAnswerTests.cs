using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Api.Serving;
using ContinualService.Api.Tests.OpenAi;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Api.Tests.Serving.Vllm;

/// <summary>What the backend vllm answers, beside what the backend local answers for the same version: nothing but id and time may differ.</summary>
public sealed class VllmAnswerTests(VllmAnswerTests.Worlds worlds) : IClassFixture<VllmAnswerTests.Worlds>
{
    private const string Route = "/v1/completions";

    private HttpClient Local => worlds.Local.Api.Client;

    private VllmWorld Fleet => worlds.Fleet;

    /// <summary>The same adapters on both backends.</summary>
    public sealed class Worlds : IAsyncLifetime
    {
        private VllmTestServer? _chat;

        internal ServingWorld Local { get; } = new();

        internal VllmWorld Fleet { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            _chat = await VllmTestServer.StartAsync("qwen2");
            Fleet = await VllmWorld.StartAsync(settings: [("Serving:Vllm:Models:qwen2:ServedName", _chat.ServedName), ("Serving:Vllm:Models:qwen2:Servers:0", _chat.Address)]);
            foreach (var world in new[] { Local, Fleet.Service })
            {
                await world.PublishAsync("support", VllmWorld.Model, Fleet.Peft(1), 1);
                await world.PublishAsync("support", VllmWorld.Model, Fleet.Peft(2), 2);
                await world.PublishAsync("talk", "qwen2", "qwen2-lora");
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Fleet.DisposeAsync();
            await _chat!.DisposeAsync();
            await Local.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("""{"model": "support", "max_tokens": 12, "temperature": 0, "logprobs": 3}""")]
    [InlineData("""{"model": "support@1", "max_tokens": 12, "temperature": 0, "logprobs": 0}""")]
    [InlineData("""{"model": "llama3", "max_tokens": 12, "temperature": 0, "logprobs": 3}""")]
    [InlineData("""{"model": "support@mix:1*0.25+2*0.75", "max_tokens": 12, "temperature": 0, "logprobs": 3}""")]
    [InlineData("""{"model": "support", "max_tokens": 12, "temperature": 0}""")]
    [InlineData("""{"model": "support", "max_tokens": 20, "temperature": 1.5, "top_p": 0.9, "seed": 7, "n": 3, "frequency_penalty": 0.5, "presence_penalty": 0.3, "logprobs": 1}""")]
    [InlineData("""{"model": "support", "max_tokens": 4, "temperature": 1, "top_p": 0, "seed": 7}""")]
    [InlineData("""{"model": "support", "max_tokens": 4, "temperature": 0, "logit_bias": {"17": 100}, "logprobs": 0}""")]
    [InlineData("""{"model": "support", "max_tokens": 0, "echo": true, "logprobs": 4}""")]
    [InlineData("""{"model": "support", "max_tokens": 5, "temperature": 0, "echo": true, "logprobs": 2, "n": 2}""")]
    [InlineData("""{"model": "support", "max_tokens": 9, "temperature": 0, "logit_bias": {"455": 100}, "logprobs": 1}""")]
    [InlineData("""{"model": "support", "max_tokens": 500, "temperature": 0}""")]
    [InlineData("""{"model": "support", "prompt": ["one", "another"], "max_tokens": 3, "temperature": 0, "logprobs": 1}""")]
    [InlineData("""{"model": "nobody", "prompt": "a"}""")]
    [InlineData("""{"model": "support", "prompt": [1, 100000]}""")]
    [InlineData("""{"model": "support", "prompt": "a", "max_tokens": 100000}""")]
    public async Task Completion_OnTheFleet_IsTheLocalAnswer(string options)
    {
        var body = JsonNode.Parse(options)!.AsObject();
        // A prompt of its own: no other test has left anything of it in a cache.
        var start = options.Sum(sign => sign);
        body["prompt"] ??= new JsonArray([.. Enumerable.Range(0, 20).Select(index => JsonValue.Create((start + (index * 7)) % 440))]);
        await AssertSameAsync(Route, body);
        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_usage"] = true };
        await AssertSameAsync(Route, body);
    }

    [Theory]
    [InlineData("qwen2")]
    [InlineData("talk")]
    public async Task Chat_OnTheFleet_IsTheLocalAnswer(string model)
    {
        var body = new JsonObject
        {
            ["model"] = model,
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "Hello there" }),
            ["max_tokens"] = 10,
            ["temperature"] = 0,
            ["logprobs"] = true,
            ["top_logprobs"] = 2,
        };
        await AssertSameAsync("/v1/chat/completions", body);
        body["stream"] = true;
        await AssertSameAsync("/v1/chat/completions", body);
    }

    [Fact]
    public async Task Completion_AtStopSequence_EndsThereAndCutsTheServerOff()
    {
        var text = (string)(await Fleet.AskAsync("support", ("max_tokens", 60)))["choices"]![0]!["text"]!;
        var stop = text.Substring(text.Length / 2, 4);
        var whole = (await Fleet.AskAsync("support", ("max_tokens", 60), ("stop", stop)))["choices"]![0]!;
        Assert.Equal((text[..text.IndexOf(stop, StringComparison.Ordinal)], "stop"), ((string?)whole["text"], (string?)whole["finish_reason"]));

        // The server would wait for ever before its second token.
        Fleet.Server.Gate = Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken);
        var none = (await Fleet.AskAsync("support", ("max_tokens", 60), ("stop", text[..1])))["choices"]![0]!;
        Assert.Equal(("", "stop"), ((string?)none["text"], (string?)none["finish_reason"]));
        await VllmWorld.UntilAsync(() => Fleet.Server.Running == 0, "the server stopped");
        Fleet.Server.Gate = Task.CompletedTask;
    }

    [Fact]
    public async Task Completion_WithMoreAlternativesThanTheServersGive_SaysHowManyThereAre()
    {
        using var text = await Fleet.Client.PostNodeAsync(Route, VllmWorld.Body("support", ("logprobs", 21)));
        using var chat = await Fleet.Client.PostTextAsync("/v1/chat/completions", """{"model": "qwen2", "messages": [{"role": "user", "content": "a"}], "logprobs": true, "top_logprobs": 21}""");

        Assert.Equal("logprobs", (string?)(await text.ReadAsync(HttpStatusCode.BadRequest))["error"]!["param"]);
        Assert.Equal("top_logprobs", (string?)(await chat.ReadAsync(HttpStatusCode.BadRequest))["error"]!["param"]);
        await Fleet.AskAsync("support", ("logprobs", 20));
    }

    [Fact]
    public async Task Version_MovedOrPublishedAnew_IsAnsweredByTheVeryNextRequest()
    {
        await Fleet.PublishAsync("moving", seed: 4, number: 1);
        var one = await AskAsync(version: "1");
        await Fleet.PublishAsync("moving", seed: 5, number: 2);
        var two = await AskAsync(version: "2");
        Assert.NotEqual(one.ToJsonString(), two.ToJsonString());

        await Fleet.Service.RollBackAsync("moving", 1);
        VllmWorld.AssertSame(one, await AskAsync(version: "1"));
        VllmWorld.AssertSame(two, (await Fleet.AskAsync("moving@2"))["choices"]);

        async Task<JsonNode> AskAsync(string version)
        {
            using var response = await Fleet.Client.PostNodeAsync(Route, VllmWorld.Body("moving"));
            Assert.Equal(version, response.Headers.GetValues("X-Adapter-Version").Single());
            return (await response.ReadAsync(HttpStatusCode.OK))["choices"]!;
        }
    }

    [Fact]
    public async Task Tenants_HaveCachesOfTheirOwn()
    {
        Fleet.Server.Salts.Clear();
        using var other = await Fleet.Service.Api.CreateTenantAsync();
        for (var time = 0; time < 2; time++) await Fleet.AskAsync(VllmWorld.Model);
        using var response = await other.PostNodeAsync(Route, VllmWorld.Body(VllmWorld.Model));
        await response.ReadAsync(HttpStatusCode.OK);

        Assert.Equal([1, 2], Fleet.Server.Salts.GroupBy(salt => salt).Select(group => group.Count()).Order());
        Assert.All(Fleet.Server.Salts, salt => Assert.True(salt.Length >= 43, salt));
    }

    [Fact]
    public async Task Service_OnTheFleet_LoadsNoWeightsItself()
    {
        await Fleet.AskAsync("support");

        Assert.Null(Fleet.Service.Api.Services.GetService<ModelHost>());
        Assert.Equal("ContinualService.Api.Serving.Vllm.VllmBackend", Fleet.Service.Api.Services.GetRequiredService<IServingBackend>().GetType().FullName);
    }

    [Fact]
    public async Task Base_ThatNoServerHas_IsRefusedWithWhatToDo()
    {
        using var response = await Fleet.Client.PostTextAsync(Route, """{"model": "llama2", "prompt": "a"}""");

        Assert.Contains("Serving:Vllm:Models", (string?)(await response.ReadAsync(HttpStatusCode.NotFound))["error"]!["message"], StringComparison.Ordinal);
    }

    private async Task AssertSameAsync(string route, JsonObject body)
    {
        using var expected = await Local.PostNodeAsync(route, body);
        using var actual = await Fleet.Client.PostNodeAsync(route, body);

        Assert.Equal(expected.StatusCode, actual.StatusCode);
        Assert.Equal(Headers(expected), Headers(actual));
        VllmWorld.AssertSame(await PiecesAsync(expected, body["n"] is not null), await PiecesAsync(actual, body["n"] is not null));
    }

    private static List<string> Headers(HttpResponseMessage response) =>
        [$"{response.Content.Headers.ContentType}", .. response.Headers.Where(header => header.Key.StartsWith("X-Adapter", StringComparison.Ordinal)).Select(header => $"{header.Key}: {string.Join(',', header.Value)}").Order()];

    /// <summary>The body, or its events in order (of several choices each one's own), without what differs from one request to the next.</summary>
    private static async Task<JsonArray> PiecesAsync(HttpResponseMessage response, bool ofSeveral)
    {
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var isStream = response.Content.Headers.ContentType?.MediaType == "text/event-stream";
        var pieces = isStream ? text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries) : [text];
        return [.. pieces.Select((piece, position) => (Position: position, Json: piece.EndsWith("[DONE]", StringComparison.Ordinal) ? null : JsonNode.Parse(piece[(isStream ? "data: ".Length : 0)..])!.AsObject()))
            .OrderBy(piece => isStream ? (int?)(piece.Json?["choices"] as JsonArray)?.FirstOrDefault()?["index"] ?? int.MaxValue : 0).ThenBy(piece => piece.Position)
            .Select(piece =>
            {
                piece.Json?.Remove("id");
                piece.Json?.Remove("created");
                // Which of several choices is first to find the prompt in the cache is chance.
                if (ofSeveral) (piece.Json?["usage"] as JsonObject)?.Remove("prompt_tokens_details");
                return (JsonNode?)piece.Json;
            })];
    }
}
