using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

public sealed class ChatTests(ServingWorld world) : IClassFixture<ServingWorld>
{
    private HttpClient Client => world.Api.Client;

    [Fact]
    public async Task Chat_Whole_HasThePublishedShape()
    {
        var answer = await ChatAsync(Body("qwen2", ("max_tokens", 4), ("temperature", 0), ("logprobs", true), ("top_logprobs", 2), ("n", 2)));

        Assert.Equal("chat.completion", (string?)answer["object"]);
        Assert.Equal(2, answer["choices"]!.AsArray().Count);
        var choice = answer["choices"]![1]!;
        Assert.Equal("assistant", (string?)choice["message"]!["role"]);
        var token = choice["logprobs"]!["content"]![0]!;
        Assert.Equal((double)token["logprob"]!, (double)token["top_logprobs"]![0]!["logprob"]!);
        Assert.Equal(2, token["top_logprobs"]!.AsArray().Count);
        Assert.Equal((int)answer["usage"]!["prompt_tokens"]! + (int)answer["usage"]!["completion_tokens"]!, (int)answer["usage"]!["total_tokens"]!);
    }

    [Fact]
    public async Task Chat_Streamed_OpensWithTheRoleAndAddsUp()
    {
        var whole = await ChatAsync(Body("qwen2", ("max_tokens", 12), ("temperature", 0)));

        using var response = await Client.PostNodeAsync("/v1/chat/completions", Body("qwen2", ("max_tokens", 12), ("temperature", 0), ("stream", true)));
        var lines = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        var choices = lines[..^1].Select(line => JsonNode.Parse(line["data: ".Length..])!["choices"]![0]!).ToList();

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("assistant", (string?)choices[0]["delta"]!["role"]);
        Assert.Equal((string?)whole["choices"]![0]!["message"]!["content"], string.Concat(choices.Select(choice => (string?)choice["delta"]!["content"])));
        Assert.Equal((string?)whole["choices"]![0]!["finish_reason"], (string?)choices[^1]["finish_reason"]);
        Assert.All(choices[..^1], choice => Assert.Null(choice["finish_reason"]));
    }

    [Fact]
    public async Task Chat_NextTurn_TakesTheConversationFromTheCache()
    {
        var body = Body("qwen2", ("max_tokens", 4), ("temperature", 0));
        body["messages"]![0]!["content"] = "A question that no other test has asked before";
        var first = await ChatAsync((JsonObject)body.DeepClone());
        var usage = first["usage"]!;
        Assert.InRange((int)usage["prompt_tokens_details"]!["cached_tokens"]!, 0, (int)usage["prompt_tokens"]! / 2);

        body["messages"]!.AsArray().Add((JsonNode)new JsonObject { ["role"] = "assistant", ["content"] = "An answer" });
        body["messages"]!.AsArray().Add((JsonNode)new JsonObject { ["role"] = "user", ["content"] = "And then?" });
        var second = (await ChatAsync(body))["usage"]!;

        Assert.InRange((int)second["prompt_tokens_details"]!["cached_tokens"]!, (int)usage["prompt_tokens"]! - 1, (int)second["prompt_tokens"]! - 1);
    }

    [Fact]
    public async Task Chat_SpecialTextInContent_StaysText()
    {
        async Task<int> PromptTokensAsync(string content)
        {
            var body = Body("qwen2", ("max_tokens", 1));
            body["messages"]![0]!["content"] = content;
            return (int)(await ChatAsync(body))["usage"]!["prompt_tokens"]!;
        }

        // As a special token it would be one token.
        Assert.True(await PromptTokensAsync("a<|im_end|>b") > await PromptTokensAsync("ab") + 1);
    }

    [Theory]
    [InlineData("""{"model": "qwen2", "messages": []}""", "messages")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "king", "content": "a"}]}""", "messages[0].role")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": 4}]}""", "messages[0].content")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": "a"}], "tools": [{}]}""", "tools")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": "a"}], "response_format": {"type": "json_object"}}""", "response_format")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": "a"}], "response_format": "text"}""", "response_format")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": "a"}], "top_logprobs": 2}""", "top_logprobs")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": "a"}], "brevity": 2}""", "brevity")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "a", "mood": 1}]}""", "messages[1].mood")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": "a"}], "stream": true, "stream_options": {"pace": 1}}""", "stream_options.pace")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": "a"}], "max_completion_tokens": 2, "max_tokens": 3}""", "max_tokens")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": "a"}], "max_completion_tokens": 2, "max_tokens": "many"}""", "max_tokens")]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": "a"}], "max_tokens": 100000}""", "messages")]
    public async Task Chat_BadRequest_NamesTheOption(string body, string param)
    {
        using var response = await Client.PostTextAsync("/v1/chat/completions", body);

        Assert.Equal(param, (string?)(await response.ReadAsync(HttpStatusCode.BadRequest))["error"]!["param"]);
    }

    [Fact]
    public async Task Chat_OptionsThatAreNull_AskForNothing()
    {
        var answer = await ChatAsync(Body("qwen2", ("max_completion_tokens", 2), ("max_tokens", null!), ("stop", null!), ("stream", null!), ("functions", null!)));

        Assert.Single(answer["choices"]!.AsArray());
    }

    [Theory]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/completions")]
    public async Task Document_Example_IsAccepted(string route)
    {
        var content = (await Client.GetNodeAsync("/swagger/v1/swagger.json"))["paths"]![route]!["post"]!["requestBody"]!["content"]!["application/json"]!;
        var example = content["example"]!.AsObject();
        example["model"] = "qwen2";

        using var response = await Client.PostNodeAsync(route, example);

        await response.ReadAsync(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("""{"model": "qwen2", "messages": [{"role": "user", "content": "\ud800"}]}""")]
    [InlineData("""{"model": "qwen2", "\ud800": 1}""")]
    [InlineData("""{"model": "qwen2", "model": "llama2"}""")]
    public async Task Chat_BodyThatIsNoText_IsRefusedInTheEnvelope(string body)
    {
        using var response = await Client.PostTextAsync("/v1/chat/completions", body);

        Assert.Equal("invalid_json", (string?)(await response.ReadAsync(HttpStatusCode.BadRequest))["error"]!["code"]);
    }

    [Fact]
    public async Task Route_UnknownOrWithAnotherMethod_AnswersInTheEnvelope()
    {
        using var unknown = await Client.PostTextAsync("/v1/embeddings", "{}");
        using var method = await Client.GetAsync("/v1/chat/completions", TestContext.Current.CancellationToken);
        using var content = await Client.PostAsync("/v1/chat/completions", new StringContent("{}"), TestContext.Current.CancellationToken);

        Assert.Equal("not_found", (string?)(await unknown.ReadAsync(HttpStatusCode.NotFound))["error"]!["code"]);
        Assert.Equal("method_not_allowed", (string?)(await method.ReadAsync(HttpStatusCode.MethodNotAllowed))["error"]!["code"]);
        Assert.Equal("unsupported_media_type", (string?)(await content.ReadAsync(HttpStatusCode.UnsupportedMediaType))["error"]!["code"]);
    }

    private static JsonObject Body(string model, params (string Name, JsonNode Value)[] options)
    {
        var body = new JsonObject { ["model"] = model, ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "Hello there" }) };
        foreach (var (name, value) in options) body[name] = value;
        return body;
    }

    private async Task<JsonNode> ChatAsync(JsonObject body)
    {
        using var response = await Client.PostNodeAsync("/v1/chat/completions", body);
        return await response.ReadAsync(HttpStatusCode.OK);
    }
}
