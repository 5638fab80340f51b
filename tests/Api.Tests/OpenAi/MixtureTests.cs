using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Api.Serving;
using ContinualService.Api.Tests.Serving.Vllm;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Lora;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

/// <summary>Answers of versions that a caller mixes by weights; on a fleet of other servers <see cref="VllmAnswerTests"/> has one.</summary>
public sealed class MixtureTests(MixtureTests.World world) : IClassFixture<MixtureTests.World>
{
    private const string Model = "llama3";

    private HttpClient Client => world.Service.Api.Client;

    /// <summary>Three versions of <c>bot</c>, and two of <c>wide</c> that are too wide to be mixed.</summary>
    public sealed class World : IAsyncLifetime
    {
        // One place in memory: each of two mixtures drops the other.
        internal ServingWorld Service { get; } = new(new Dictionary<string, string> { ["Serving:MaxResidentAdapters"] = "1" });

        internal RandomAdapters Adapters { get; } = new(Model);

        internal List<string> Folders { get; } = [];

        public async ValueTask InitializeAsync()
        {
            for (var number = 1; number <= 3; number++)
            {
                Folders.Add(Adapters.Write(new LoraConfig(4, 8, ["q_proj", "v_proj"]), number));
                await Service.PublishAsync("bot", Model, Folders[^1], number);
                if (number < 3) await Service.PublishAsync("wide", Model, Adapters.Write(new LoraConfig(150, 8, ["v_proj"]), 10 + number), number);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Service.DisposeAsync();
            Adapters.Dispose();
        }
    }

    [Fact]
    public async Task Completion_OfMixtures_IsTheBaseWithTheWeightedSumOfItsVersionsAloneAndBesideOthers()
    {
        using var meter = new ServingMeter(world.Service.Api.Services);
        (string Name, string? Mixture, double[] Weights)[] asked =
        [
            ("bot@mix:3*0.75+1*0.25", "1*0.25+3*0.75", [.25, 0, .75]), ("bot@mix:2*-0.5+1*1.5+3*0.125", "1*1.5+2*-0.5+3*0.125", [1.5, -.5, .125]), ("bot@mix:2*1", "2*1", [0, 1, 0]),
            ("bot@2", null, [0, 1, 0]), ("bot@mix:1*0", "1*0", [0, 0, 0]), (Model, null, [0, 0, 0]),
        ];

        // Step 1: one after the other. The prompt is the same all along, and what was computed of it with other weights is taken by none.
        foreach (var (name, mixture, weights) in asked)
        {
            using var response = await AskAsync(name);
            var answer = await response.ReadAsync(HttpStatusCode.OK);
            AssertScored(weights, answer);
            Assert.Equal(name, (string?)answer["model"]);
            Assert.Equal((mixture, name == "bot@2" ? "2" : null), (Header(response, "X-Adapter-Mixture"), Header(response, "X-Adapter-Version")));
        }

        Assert.Equal(1, meter.Read("resident_adapters", Model));

        // Step 2: all at once, in each other's batches, and streamed.
        var together = await Task.WhenAll(asked.Concat(asked).Select(async (each, index) =>
        {
            using var response = await AskAsync(each.Name, stream: index % 2 == 0);
            return (each.Weights, Answer: index % 2 == 0 ? Joined(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)) : (JsonNode)await response.ReadAsync(HttpStatusCode.OK));
        }));
        foreach (var (weights, answer) in together) AssertScored(weights, answer);
    }

    [Fact]
    public async Task Completion_OfAMixtureInAnotherOrder_TakesThePromptFromTheSameCache()
    {
        foreach (var (name, cached) in new[] { ("bot@mix:1*0.5+2*0.25", 0), ("bot@mix:2*2.5e-1+1*.50", ServingWorld.Prompt.Length - 1), ("bot@mix:1*0.25+2*0.5", 0), ("bot@mix:1*0.5+3*0.25", 0) })
        {
            using var response = await Client.PostNodeAsync("/v1/completions", new JsonObject { ["model"] = name, ["prompt"] = Prompt(), ["max_tokens"] = 1 });
            Assert.Equal(cached, (int)(await response.ReadAsync(HttpStatusCode.OK))["usage"]!["prompt_tokens_details"]!["cached_tokens"]!);
        }
    }

    [Fact]
    public async Task Completion_OfAMixtureThatCannotBe_SaysWhatToDo()
    {
        foreach (var (model, says) in new[]
        {
            ("bot@mix", "mix:VERSION*WEIGHT"), ("bot@mix:", "'' is no version with its weight"), ("bot@mix:1", "'1' is no version with its weight"), ("bot@mix:live*1", "'live*1' is no version"),
            ("bot@mix:1*0.5+", "'' is no version"), ("bot@mix:1*", "the weight of version 1 must be a number from -10 to 10"), ("bot@mix:1*NaN", "the weight of version 1"), ("bot@mix:1*11", "from -10 to 10"),
            ("bot@mix:1*1e400", "from -10 to 10"), ("bot@mix:1*0.5+1*0.5", "version 1 is there twice"), ("bot@mix:1*0.5+7*0.5", "no version 7. GET"), ("none@mix:1*1", "no adapter of this key"),
            ("wide@mix:1*0.5+2*0.5", "rank 300 together, and 256 is the most"), ("bot@mix:" + string.Join('+', Enumerable.Range(1, 17).Select(number => $"{number}*0.1")), "it mixes 17 versions, and 16 is the most"),
        }) await RefusedAsync(Client, model, says);
        using var stranger = await world.Service.Api.CreateTenantAsync();
        await RefusedAsync(stranger, "bot@mix:1*1", "no adapter of this key");
        Assert.Equal("bot@mix:1*0.5+2*0.5", (string?)(await Client.GetNodeAsync("/v1/models/bot@mix:1*0.5+2*0.5"))["id"]);
        using var wide = await AskAsync("wide@mix:2*0.5");
        await wide.ReadAsync(HttpStatusCode.OK);

        static async Task RefusedAsync(HttpClient client, string model, string says)
        {
            using var response = await client.PostNodeAsync("/v1/completions", new JsonObject { ["model"] = model, ["prompt"] = "red", ["max_tokens"] = 1 });
            var error = (await response.ReadAsync(HttpStatusCode.NotFound))["error"]!;
            Assert.Equal("model_not_found", (string?)error["code"]);
            Assert.Contains(says, (string?)error["message"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ShapeOf_VersionsOfAMethodThatGrows_HasTheirRanksTogetherAndTheScaleOfOne()
    {
        var adapter = new Adapter
        {
            Id = "adp",
            TenantId = "tenant",
            Name = "sums",
            Model = Model,
            BaseDigest = "",
            TemplateSha256 = "",
            Rank = 4,
            Alpha = 8,
            TargetModulesJson = """["q_proj"]""",
            Method = "o-lora",
        };
        AdapterVersion Version(int index) => new() { Id = $"ver_{index}", AdapterId = "adp", Number = index, Sha256 = "", StateSha256 = "", TaskIndex = index };

        var shape = MixedVersion.ShapeOf(adapter, [Version(1), Version(3)]);

        Assert.Equal((16, 2.0), (shape.Rank, shape.ScaleOf("q_proj")));
    }

    private static JsonArray Prompt() => [.. ServingWorld.Prompt.Select(id => JsonValue.Create(id))];

    private static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out var values) ? values.Single() : null;

    private Task<HttpResponseMessage> AskAsync(string model, bool stream = false) =>
        Client.PostNodeAsync("/v1/completions", new JsonObject { ["model"] = model, ["prompt"] = Prompt(), ["max_tokens"] = 4, ["temperature"] = 0, ["logprobs"] = 0, ["echo"] = true, ["stream"] = stream });

    /// <summary>What a stream's pieces are together.</summary>
    private static JsonObject Joined(string stream)
    {
        var pieces = stream.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[..^1].Select(line => JsonNode.Parse(line["data: ".Length..])!["choices"]![0]!["logprobs"]).OfType<JsonNode>().ToList();
        JsonArray All(string field) => [.. pieces.SelectMany(piece => piece[field]!.AsArray()).Select(value => value?.DeepClone())];
        return new JsonObject { ["choices"] = new JsonArray(new JsonObject { ["logprobs"] = new JsonObject { ["tokens"] = All("tokens"), ["token_logprobs"] = All("token_logprobs") } }) };
    }

    /// <summary>The prompt and the four tokens of the answer have the log-probabilities that dense weights give them.</summary>
    private void AssertScored(double[] weights, JsonNode answer)
    {
        var given = answer["choices"]![0]!["logprobs"]!["token_logprobs"]!.AsArray().Select(value => (double?)value).ToList();
        var (scores, next) = world.Adapters.ScoreMixed(world.Folders, weights, ServingWorld.Prompt, given.Count - ServingWorld.Prompt.Length);
        Assert.Equal(4, next.Count);
        Assert.Null(given[0]);
        foreach (var (expected, actual) in scores.Concat(next).Zip(given.Skip(1))) Assert.Equal(expected, actual!.Value, RandomAdapters.Tolerance);
    }
}
