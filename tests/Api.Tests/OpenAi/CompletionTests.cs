using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

public sealed class CompletionTests(ServingWorld world) : IClassFixture<ServingWorld>
{
    private HttpClient Client => world.Api.Client;

    [Theory]
    [InlineData("llama2")]
    [InlineData("llama3")]
    [InlineData("qwen2")]
    public async Task Completion_EchoOfIds_HasTheReferencesLogProbabilities(string model)
    {
        var answer = await CompleteAsync(new JsonObject { ["model"] = model, ["prompt"] = Ids(ServingWorld.Prompt), ["max_tokens"] = 0, ["echo"] = true, ["logprobs"] = 3 });

        AssertLogProbabilities(ServingWorld.Case(model, null), answer);
    }

    [Fact]
    public async Task Completion_OfAdapter_AnswersFromItsVersionAndNoOther()
    {
        var first = await world.PublishAsync("two-versions", "llama3", "llama3-lora", 1);
        var body = new JsonObject { ["model"] = "two-versions", ["prompt"] = Ids(ServingWorld.Prompt), ["max_tokens"] = 0, ["echo"] = true, ["logprobs"] = 0 };

        using var response = await Client.PostNodeAsync("/v1/completions", body);
        var answer = await response.ReadAsync(HttpStatusCode.OK);

        AssertLogProbabilities(ServingWorld.Case("llama3", "llama3-lora"), answer);
        Assert.Equal("1", response.Headers.GetValues("X-Adapter-Version").Single());
        Assert.Equal(first, response.Headers.GetValues("X-Adapter-Sha256").Single());
        foreach (var name in new[] { "two-versions@1", "two-versions:live", $"two-versions@sha256:{first}" })
        {
            body["model"] = name;
            AssertLogProbabilities(ServingWorld.Case("llama3", "llama3-lora"), await CompleteAsync((JsonObject)body.DeepClone()));
        }

        // The base beside it is untouched by the adapter.
        body["model"] = "llama3";
        AssertLogProbabilities(ServingWorld.Case("llama3", null), await CompleteAsync((JsonObject)body.DeepClone()));
    }

    [Fact]
    public async Task Completion_OfAFineTunedModel_IsTheVersionOfItsJobAndOfNoNameLikeIt()
    {
        await world.PublishAsync("tuned", "llama3", "llama3-lora", 1);
        await world.PublishAsync("tuned", "llama3", "llama3-lora", 2);
        var names = (await Client.GetNodeAsync("/v1/fine_tuning/jobs?limit=100"))["data"]!.AsArray()
            .Where(job => (string?)job!["x_adapter"] == "tuned").Select(job => (string)job!["fine_tuned_model"]!).Reverse().ToList();
        JsonObject Body(string model) => new() { ["model"] = model, ["prompt"] = "a", ["max_tokens"] = 1 };

        for (var number = 1; number <= 2; number++)
        {
            using var response = await Client.PostNodeAsync("/v1/completions", Body(names[number - 1]));
            Assert.Equal(names[number - 1], (string?)(await response.ReadAsync(HttpStatusCode.OK))["model"]);
            Assert.Equal(number.ToString(System.Globalization.CultureInfo.InvariantCulture), response.Headers.GetValues("X-Adapter-Version").Single());
        }

        foreach (var forged in new[] { names[0].Replace("llama3", "llama2", StringComparison.Ordinal), names[0].Replace(":tuned:", ":other:", StringComparison.Ordinal), names[0] + "0" })
        {
            using var refused = await Client.PostNodeAsync("/v1/completions", Body(forged));
            Assert.Equal("model_not_found", (string?)(await refused.ReadAsync(HttpStatusCode.NotFound))["error"]!["code"]);
        }
    }

    [Fact]
    public async Task Completion_OfUnpublishedOrUnknownName_SaysWhatToDo()
    {
        await world.PublishAsync("known", "llama2", "llama2-lora");
        foreach (var (name, says) in new[] { ("nobody", "GET /v1/models"), ("known@9", "/versions"), ("known@x", "version number"), ("known:canary", "/aliases"), ("known:", "/aliases"), ("../llama2", "GET /v1/models") })
        {
            using var response = await Client.PostNodeAsync("/v1/completions", new JsonObject { ["model"] = name, ["prompt"] = "a" });
            var error = (await response.ReadAsync(HttpStatusCode.NotFound))["error"]!;
            Assert.Equal("model_not_found", (string?)error["code"]);
            Assert.Contains(says, (string?)error["message"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Completion_OfAnotherTenantsAdapter_IsNotFound()
    {
        await world.PublishAsync("private", "llama2", "llama2-lora");
        using var stranger = await world.Api.CreateTenantAsync();

        using var response = await stranger.PostNodeAsync("/v1/completions", new JsonObject { ["model"] = "private", ["prompt"] = "a" });

        Assert.Equal("model_not_found", (string?)(await response.ReadAsync(HttpStatusCode.NotFound))["error"]!["code"]);
    }

    [Fact]
    public async Task Completion_Greedy_ContinuesAsTheReference()
    {
        var expected = ServingWorld.Case("qwen2", null)["greedy"]!.AsArray().Select(id => (int)id!).ToArray();

        var answer = await CompleteAsync(new JsonObject
        {
            ["model"] = "qwen2",
            ["prompt"] = Ids(ServingWorld.Prompt),
            ["max_tokens"] = expected.Length,
            ["temperature"] = 0,
            ["logprobs"] = 0,
        });

        Assert.Equal(expected, answer["choices"]![0]!["logprobs"]!["x_token_ids"]!.AsArray().Select(id => (int)id!));
        Assert.Equal(expected.Length, (int)answer["usage"]!["completion_tokens"]!);
        Assert.Equal("length", (string?)answer["choices"]![0]!["finish_reason"]);
    }

    [Theory]
    [InlineData("Once upon a", " time")]
    [InlineData("Once upon", " a")]
    public async Task Completion_OfAText_GoesOnWhereItEnds(string prompt, string next)
    {
        foreach (var stream in new[] { false, true })
        {
            var body = new JsonObject { ["model"] = "stories260K", ["prompt"] = prompt, ["max_tokens"] = 1, ["temperature"] = 0, ["stream"] = stream };
            using var response = await Client.PostNodeAsync("/v1/completions", body);
            var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            var choice = JsonNode.Parse(stream ? text[..text.IndexOf("\n\n", StringComparison.Ordinal)]["data: ".Length..] : text)!["choices"]![0]!;
            Assert.Equal(next, (string?)choice["text"]);
        }
    }

    [Fact]
    public async Task Completion_Echo_RepeatsTheTextAsItWasSentAndOffsetsPointIntoIt()
    {
        const string Prompt = "Once h\u00e9 \U0001d11e";
        var body = new JsonObject { ["model"] = "stories260K", ["prompt"] = Prompt, ["max_tokens"] = 3, ["temperature"] = 0, ["logprobs"] = 0, ["echo"] = true };

        var choice = (await CompleteAsync((JsonObject)body.DeepClone()))["choices"]![0]!;

        var text = (string)choice["text"]!;
        Assert.StartsWith(Prompt, text, StringComparison.Ordinal);
        var (tokens, offsets) = (choice["logprobs"]!["tokens"]!.AsArray(), choice["logprobs"]!["text_offset"]!.AsArray().Select(offset => (int)offset!).ToList());
        // Only where a token is a text of its own can it be looked for; the first has lost its space, as text does at its beginning.
        Assert.Equal([0, 0], offsets[..2]);
        for (var index = 2; index < offsets.Count; index++)
        {
            if ((string)tokens[index]! is not ['b', 'y', 't', 'e', 's', ':', ..] and var token) Assert.StartsWith(token, text[offsets[index]..], StringComparison.Ordinal);
        }

        // The musical sign is four tokens and two characters, and what follows begins right after it.
        Assert.Equal(4, offsets.Count(offset => offset == Prompt.Length - 2));
        Assert.Contains(Prompt.Length, offsets);

        // Without the echo they count from the answer's own beginning, streamed or not.
        var echoed = offsets.Where(offset => offset >= Prompt.Length).Select(offset => offset - Prompt.Length).ToList();
        body["echo"] = false;
        Assert.Equal(echoed, (await CompleteAsync((JsonObject)body.DeepClone()))["choices"]![0]!["logprobs"]!["text_offset"]!.AsArray().Select(offset => (int)offset!));
        body["stream"] = true;
        using var response = await Client.PostNodeAsync("/v1/completions", body);
        var chunks = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[..^1];
        Assert.Equal(echoed, chunks.SelectMany(line => JsonNode.Parse(line["data: ".Length..])!["choices"]![0]!["logprobs"]?["text_offset"]!.AsArray() ?? []).Select(offset => (int)offset!));
    }

    [Fact]
    public async Task Completion_EchoOfIds_IsTheirTextWithoutSpecialTokens()
    {
        var answer = await CompleteAsync(new JsonObject { ["model"] = "stories260K", ["prompt"] = Ids([1, 403, 407]), ["max_tokens"] = 0, ["echo"] = true, ["logprobs"] = 0 });

        var choice = answer["choices"]![0]!;
        Assert.DoesNotContain("<s>", (string?)choice["text"], StringComparison.Ordinal);
        Assert.Equal([0, 0], choice["logprobs"]!["text_offset"]!.AsArray().Select(offset => (int)offset!).Take(2));
    }

    [Fact]
    public async Task Completion_Streamed_AddsUpToTheWhole()
    {
        var body = new JsonObject { ["model"] = "stories260K", ["prompt"] = "Once upon a time", ["max_tokens"] = 40, ["temperature"] = 0, ["stop"] = "park" };
        var whole = await CompleteAsync((JsonObject)body.DeepClone());
        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_usage"] = true };

        using var response = await Client.PostNodeAsync("/v1/completions", body);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var lines = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        var chunks = lines[..^1].Select(line => JsonNode.Parse(line["data: ".Length..])!).ToList();

        Assert.Equal("data: [DONE]", lines[^1]);
        Assert.True(chunks.Count > 3, text);
        Assert.Equal((string?)whole["choices"]![0]!["text"], string.Concat(chunks.SelectMany(chunk => chunk["choices"]!.AsArray()).Select(choice => (string?)choice!["text"])));
        Assert.Equal(whole["usage"]!.ToJsonString(), chunks[^1]["usage"]!.ToJsonString());
        Assert.Empty(chunks[^1]["choices"]!.AsArray());
    }

    [Fact]
    public async Task Completion_AtStopSequence_EndsBeforeIt()
    {
        var body = new JsonObject { ["model"] = "stories260K", ["prompt"] = "Once upon a time", ["max_tokens"] = 60, ["temperature"] = 0 };
        var text = (string?)(await CompleteAsync((JsonObject)body.DeepClone()))["choices"]![0]!["text"];
        var stop = text!.Substring(text.Length / 2, 7);
        body["stop"] = new JsonArray(stop, "never seen");

        var choice = (await CompleteAsync(body))["choices"]![0]!;

        Assert.Equal(text[..text.IndexOf(stop, StringComparison.Ordinal)], (string?)choice["text"]);
        Assert.Equal("stop", (string?)choice["finish_reason"]);
    }

    [Fact]
    public async Task Completion_WithSeed_RepeatsAndOtherwiseVaries()
    {
        async Task<string?> TextAsync(int seed) => (string?)(await CompleteAsync(new JsonObject
        {
            ["model"] = "stories260K",
            ["prompt"] = "One day",
            ["max_tokens"] = 24,
            ["seed"] = seed,
        }))["choices"]![0]!["text"];

        Assert.Equal(await TextAsync(7), await TextAsync(7));
        Assert.NotEqual(await TextAsync(7), await TextAsync(8));
    }

    [Fact]
    public async Task Completion_LogitBias_ForcesAToken()
    {
        var answer = await CompleteAsync(new JsonObject
        {
            ["model"] = "llama2",
            ["prompt"] = Ids([1, 5]),
            ["max_tokens"] = 2,
            ["temperature"] = 0,
            ["logprobs"] = 0,
            ["logit_bias"] = new JsonObject { ["17"] = 100 },
        });

        Assert.Equal([17, 17], answer["choices"]![0]!["logprobs"]!["x_token_ids"]!.AsArray().Select(id => (int)id!));
    }

    [Theory]
    [InlineData("""{"model": "llama2"}""", "prompt")]
    [InlineData("""{"prompt": "a"}""", "model")]
    [InlineData("""{"model": "llama2", "prompt": [1, 100000]}""", "prompt")]
    [InlineData("""{"model": "llama2", "prompt": []}""", "prompt")]
    [InlineData("""{"model": "llama2", "prompt": "a", "temperature": 3}""", "temperature")]
    [InlineData("""{"model": "llama2", "prompt": "a", "temperature": "hot"}""", "temperature")]
    [InlineData("""{"model": "llama2", "prompt": "a", "max_tokens": 0}""", "max_tokens")]
    [InlineData("""{"model": "llama2", "prompt": "a", "top_k": 4}""", "top_k")]
    [InlineData("""{"model": "llama2", "prompt": "a", "stop": [""]}""", "stop")]
    [InlineData("""{"model": "llama2", "prompt": "a", "stream_options": {}}""", "stream_options")]
    [InlineData("""{"model": "llama2", "prompt": "a", "max_tokens": 100000}""", "prompt")]
    [InlineData("""{"model": "llama2", "prompt": "a", "logit_bias": {"x": 1}}""", "logit_bias")]
    public async Task Completion_BadRequest_NamesTheOption(string body, string param)
    {
        using var response = await Client.PostTextAsync("/v1/completions", body);

        var error = (await response.ReadAsync(HttpStatusCode.BadRequest))["error"]!;
        Assert.Equal(param, (string?)error["param"]);
        Assert.Equal("invalid_request_error", (string?)error["type"]);
        Assert.False(string.IsNullOrWhiteSpace((string?)error["message"]));
    }

    [Fact]
    public async Task Completion_WithoutKeyOrJson_AnswersInTheEnvelope()
    {
        using var anonymous = world.Api.CreateClient(null);
        using var refused = await anonymous.PostTextAsync("/v1/completions", "{}");
        using var broken = await Client.PostTextAsync("/v1/completions", "{\"model\": ");

        Assert.Equal("authentication_error", (string?)(await refused.ReadAsync(HttpStatusCode.Unauthorized))["error"]!["type"]);
        Assert.Equal("invalid_json", (string?)(await broken.ReadAsync(HttpStatusCode.BadRequest))["error"]!["code"]);
    }

    [Fact]
    public async Task Models_List_HoldsBasesAndLiveAdapters()
    {
        await world.PublishAsync("listed", "llama2", "llama2-lora");

        var ids = (await Client.GetNodeAsync("/v1/models"))["data"]!.AsArray().Select(item => (string?)item!["id"]).ToList();

        Assert.Contains("llama2", ids);
        Assert.Contains("listed", ids);
        var one = await Client.GetNodeAsync("/v1/models/listed@1");
        Assert.Equal("listed@1", (string?)one["id"]);
        Assert.Equal("llama2", (string?)one["parent"]);
    }

    [Fact]
    public async Task Models_PageByPage_IsTheWholeList()
    {
        var whole = (await Client.GetNodeAsync("/v1/models"))["data"]!.AsArray().Select(item => (string)item!["id"]!).ToList();

        var (paged, after) = (new List<string>(), "");
        for (var more = true; more;)
        {
            var page = await Client.GetNodeAsync($"/v1/models?limit=2{after}");
            var ids = page["data"]!.AsArray().Select(item => (string)item!["id"]!).ToList();
            Assert.Equal((ids[0], ids[^1]), ((string?)page["first_id"], (string?)page["last_id"]));
            paged.AddRange(ids);
            (more, after) = ((bool)page["has_more"]!, $"&after={page["last_id"]}");
        }

        Assert.Equal(whole, paged);
        foreach (var (query, param) in new[] { ("limit=0", "limit"), ("after=nobody", "after"), ("owner=me", "owner") })
        {
            using var refused = await Client.GetAsync($"/v1/models?{query}", TestContext.Current.CancellationToken);
            Assert.Equal(param, (string?)(await refused.ReadAsync(HttpStatusCode.BadRequest))["error"]!["param"]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Completion_PromptThatCameBefore_SaysWhatTheCacheSavedWithThePromptCountedOnce(bool stream)
    {
        var prompt = Enumerable.Range(0, 40).Select(index => 1 + ((index * 7) + (stream ? 3 : 0)) % 50).ToArray();
        async Task<JsonNode> UsageAsync(int[] ids, int choices)
        {
            var body = new JsonObject { ["model"] = "llama2", ["prompt"] = Ids(ids), ["max_tokens"] = 2, ["n"] = choices };
            if (!stream) return (await CompleteAsync(body))["usage"]!;
            body["stream"] = true;
            body["stream_options"] = new JsonObject { ["include_usage"] = true };
            using var response = await Client.PostNodeAsync("/v1/completions", body);
            var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            return JsonNode.Parse(text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^2]["data: ".Length..])!["usage"]!;
        }

        // The choices of a first request share its prompt among themselves: nothing of that was there before.
        foreach (var (ids, cached) in new[] { (prompt, 0), (prompt, 39), (prompt[..25], 24) })
        {
            var usage = await UsageAsync(ids, choices: 3);
            Assert.Equal(cached, (int)usage["prompt_tokens_details"]!["cached_tokens"]!);
            Assert.Equal(ids.Length, (int)usage["prompt_tokens"]!);
        }
    }

    private async Task<JsonNode> CompleteAsync(JsonObject body)
    {
        using var response = await Client.PostNodeAsync("/v1/completions", body);
        return await response.ReadAsync(HttpStatusCode.OK);
    }

    private static JsonArray Ids(int[] ids) => [.. ids.Select(id => JsonValue.Create(id))];

    /// <summary>Each prompt token's log-probability equals the reference's within 1e-4 (float32 against float64).</summary>
    private static void AssertLogProbabilities(JsonNode expected, JsonNode answer)
    {
        var actual = answer["choices"]![0]!["logprobs"]!["token_logprobs"]!.AsArray();
        var prompt = ServingWorld.Prompt;
        Assert.Equal(prompt.Length, actual.Count);
        Assert.Null(actual[0]);
        for (var position = 1; position < prompt.Length; position++)
        {
            var logits = expected["logits"]![position - 1]!.AsArray().Select(value => (double)value!).ToArray();
            var largest = logits.Max();
            var reference = logits[prompt[position]] - largest - Math.Log(logits.Sum(value => Math.Exp(value - largest)));
            Assert.Equal(reference, (double)actual[position]!, 1e-4);
        }
    }
}
