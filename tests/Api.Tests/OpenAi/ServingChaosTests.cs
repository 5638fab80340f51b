using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.TestKit;
using TorchSharp;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

/// <summary>Many clients on many adapters of two bases while versions are published, rolled back and pushed out of memory: every answer is its own version's.</summary>
public sealed class ServingChaosTests : IAsyncLifetime
{
    private const int Adapters = 16;
    private const int Versions = 4;
    private const int Clients = 32;
    private const int NewTokens = 5;
    private static readonly string[] s_bases = ["llama3", "qwen2"];

    private readonly string _folder = Directory.CreateTempSubdirectory("chaos-").FullName;
    private readonly ServingWorld _world = new(new Dictionary<string, string> { ["Serving:MaxResidentAdapters"] = "5", ["Serving:MaxBatch"] = "8", ["Serving:StepTokens"] = "48" });
    private readonly ConcurrentQueue<Answer> _answers = new();
    private readonly ConcurrentDictionary<(string Adapter, int Number), string> _published = new();
    private readonly ConcurrentQueue<Move> _moves = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <param name="Ids">Prompt and answer, or the answer alone where it was streamed.</param>
    /// <param name="LogProbabilities">Of each id; null for the first of a prompt.</param>
    private sealed record Answer(string Adapter, int[] Prompt, bool Streamed, int Number, string Sha256, string Fingerprint, int[] Ids, double?[] LogProbabilities, long Sent, long Received);

    /// <summary>The live alias went to a version at some moment between the two times.</summary>
    private sealed record Move(string Adapter, int Number, long NotBefore, long NotAfter);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Answers_WhileVersionsComeAndGo_AreThoseOfTheVersionTheyName()
    {
        WriteVersions();
        foreach (var adapter in Names()) await MoveAsync(adapter, 1, publish: true);
        using var meter = new ServingMeter(_world.Api.Services);
        using var published = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var clients = Enumerable.Range(0, Clients).Select(seed => Task.Run(() => AskAsync(seed, published.Token), Token)).ToList();

        var random = new Random(1);
        for (var number = 2; number <= Versions; number++)
        {
            foreach (var adapter in Names().OrderBy(_ => random.Next()).ToList())
            {
                await MoveAsync(adapter, number, publish: true);
                await SeenAsync(adapter, clients);
                if (random.Next(3) > 0) continue;
                await MoveAsync(adapter, random.Next(1, number), publish: false);
                await SeenAsync(adapter, clients);
            }
        }

        await published.CancelAsync();
        await Task.WhenAll(clients);

        Assert.All(_answers, AssertWasLive);
        AssertComputed();
        Assert.Equal(Adapters * Versions, _answers.Select(answer => (answer.Adapter, answer.Number)).Distinct().Count());
        Assert.Contains(_answers, answer => answer.Streamed);
        Assert.Contains(_answers, answer => !answer.Streamed && answer.Ids.Length > answer.Prompt.Length);
        Assert.Contains(_answers, answer => !answer.Streamed && answer.Ids.Length == answer.Prompt.Length);
        // Far more than 16 adapters came and went, and the cache of beginnings was in use.
        Assert.All(s_bases, name => Assert.InRange(meter.Read("adapter_evictions", name), Adapters * Versions / s_bases.Length, long.MaxValue));
        Assert.NotEqual(0, meter.Read("tokens", "cached"));
    }

    private static IEnumerable<string> Names() => Enumerable.Range(0, Adapters).Select(index => $"chaos-{index}");

    private static string BaseOf(string adapter) => s_bases[int.Parse(adapter["chaos-".Length..], CultureInfo.InvariantCulture) % s_bases.Length];

    private string FolderOf(string adapter, int number) => Path.Combine(_folder, adapter, number.ToString(CultureInfo.InvariantCulture));

    /// <summary>Random LoRAs of one shape, large enough that any two give visibly different answers.</summary>
    private void WriteVersions()
    {
        var config = new LoraConfig(4, 8, ["q_proj", "v_proj", "down_proj"]);
        foreach (var name in s_bases)
        {
            using var decoder = Load(name);
            foreach (var adapter in Names().Where(adapter => BaseOf(adapter) == name))
            {
                for (var number = 1; number <= Versions; number++)
                {
                    using var scope = torch.NewDisposeScope();
                    using var noGrad = torch.no_grad();
                    using var generator = new torch.Generator((ulong)HashCode(adapter, number), torch.CPU);
                    using var lora = LoraWeights.CreateFresh(decoder, config, generator);
                    foreach (var pair in lora.Pairs) pair.B.add_(torch.randn(pair.B.shape, generator: generator).mul_(0.2));
                    PeftAdapter.Save(FolderOf(adapter, number), config, lora, name);
                }
            }
        }
    }

    private static int HashCode(string adapter, int number) => (int.Parse(adapter["chaos-".Length..], CultureInfo.InvariantCulture) * 100) + number;

    private static Decoder Load(string name) =>
        Decoder.Load(Shared.Folder($"conformance/models/{name}"), ModelConfig.Load(Shared.Folder($"conformance/models/{name}")), torch.CPU, torch.ScalarType.Float32);

    private async Task MoveAsync(string adapter, int number, bool publish)
    {
        var before = Environment.TickCount64;
        if (publish) _published[(adapter, number)] = await _world.PublishAsync(adapter, BaseOf(adapter), FolderOf(adapter, number), number);
        else await _world.RollBackAsync(adapter, number);
        _moves.Enqueue(new Move(adapter, number, before, Environment.TickCount64));
    }

    /// <summary>Until a request that was sent after the adapter's last move has its answer. A client that failed ends the wait with its fault.</summary>
    private async Task SeenAsync(string adapter, List<Task> clients)
    {
        var moved = _moves.Last(move => move.Adapter == adapter);
        while (!_answers.Any(answer => answer.Adapter == adapter && answer.Sent > moved.NotAfter))
        {
            foreach (var failed in clients.Where(client => client.IsFaulted)) await failed;
            await Task.Delay(5, Token);
        }
    }

    private async Task AskAsync(int seed, CancellationToken published)
    {
        var random = new Random(seed);
        var names = Names().ToList();
        while (!published.IsCancellationRequested)
        {
            // A few prompts with common beginnings: the prefix cache is asked all the time, by every adapter, for the same tokens.
            int[] prompt = [.. ServingWorld.Prompt, .. ServingWorld.Prompt[..(12 + 4 * random.Next(3))]];
            if (random.Next(2) == 0) prompt[^1] = 60 + random.Next(3);
            // Answers in pieces, whole ones, and prompts that are only scored.
            var streamed = random.Next(2) == 0;
            await AskAsync(names[random.Next(Adapters)], prompt, streamed, streamed || random.Next(2) == 0 ? NewTokens : 0);
        }
    }

    private async Task AskAsync(string adapter, int[] prompt, bool streamed, int newTokens)
    {
        var body = new JsonObject
        {
            ["model"] = adapter,
            ["prompt"] = new JsonArray([.. prompt.Select(id => (JsonNode)id)]),
            ["max_tokens"] = newTokens,
            ["temperature"] = 0,
            ["logprobs"] = 0,
            ["stream"] = streamed,
            ["echo"] = !streamed,
        };
        var sent = Environment.TickCount64;
        using var response = await _world.Api.Client.PostNodeAsync("/v1/completions", body);
        var text = await response.Content.ReadAsStringAsync(Token);
        var received = Environment.TickCount64;
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{response.StatusCode}: {text}");
        List<JsonNode> pieces = streamed
            ? [.. text.Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal)).Select(line => JsonNode.Parse(line["data: ".Length..])!)]
            : [JsonNode.Parse(text)!];
        Assert.All(pieces, piece => Assert.Equal(adapter, (string?)piece["model"]));
        var logprobs = pieces.SelectMany(piece => piece["choices"]!.AsArray()).Select(choice => choice!["logprobs"]).OfType<JsonObject>().ToList();
        _answers.Enqueue(new Answer(
            adapter,
            prompt,
            streamed,
            int.Parse(response.Headers.GetValues("X-Adapter-Version").Single(), CultureInfo.InvariantCulture),
            response.Headers.GetValues("X-Adapter-Sha256").Single(),
            pieces.Select(piece => (string)piece["system_fingerprint"]!).Distinct().Single(),
            [.. logprobs.SelectMany(item => item["x_token_ids"]!.AsArray()).Select(id => (int)id!)],
            [.. logprobs.SelectMany(item => item["token_logprobs"]!.AsArray()).Select(value => (double?)value)],
            sent,
            received));
    }

    private void AssertWasLive(Answer answer)
    {
        Assert.Equal(_published[(answer.Adapter, answer.Number)], answer.Sha256);
        Assert.EndsWith(answer.Sha256[..12], answer.Fingerprint, StringComparison.Ordinal);
        var moves = _moves.Where(move => move.Adapter == answer.Adapter).ToList();
        var live = moves.Where((move, index) =>
            move.Number == answer.Number && move.NotBefore <= answer.Received && (index + 1 == moves.Count || moves[index + 1].NotAfter >= answer.Sent));
        Assert.True(live.Any(), $"{answer.Adapter} answered with version {answer.Number}, which was not live at any moment of the request.");
    }

    /// <summary>Each answer's log-probabilities are those that its version gives alone, in one pass over the whole text.</summary>
    private void AssertComputed()
    {
        foreach (var name in s_bases)
        {
            using var decoder = Load(name);
            foreach (var version in _answers.Where(answer => BaseOf(answer.Adapter) == name).GroupBy(answer => (answer.Adapter, answer.Number)))
            {
                using var lora = PeftAdapter.Load(FolderOf(version.Key.Adapter, version.Key.Number), decoder).Weights;
                var known = new Dictionary<string, float[,]>();
                foreach (var answer in version) AssertComputed(answer, decoder, lora, known);
            }
        }
    }

    private static void AssertComputed(Answer answer, Decoder decoder, LoraWeights lora, Dictionary<string, float[,]> known)
    {
        int[] whole = answer.Streamed ? [.. answer.Prompt, .. answer.Ids] : answer.Ids;
        Assert.Equal(answer.Prompt, whole[..answer.Prompt.Length]);
        // An end of text may come first: then the prompt's own log-probabilities are all there is to compare.
        Assert.InRange(whole.Length, answer.Prompt.Length, answer.Prompt.Length + NewTokens);
        var key = string.Join(' ', whole);
        if (!known.TryGetValue(key, out var expected)) known[key] = expected = LogProbabilities(decoder, lora, whole);
        for (var index = 0; index < answer.Ids.Length; index++)
        {
            var at = whole.Length - answer.Ids.Length + index;
            if (at == 0)
            {
                Assert.Null(answer.LogProbabilities[index]);
                continue;
            }

            Assert.InRange(answer.LogProbabilities[index]!.Value - expected[at - 1, whole[at]], -1e-4, 1e-4);
            // Greedy: no other token is better than rounding may decide.
            if (at < answer.Prompt.Length) continue;
            for (var other = 0; other < expected.GetLength(1); other++) Assert.True(expected[at - 1, other] <= expected[at - 1, whole[at]] + 1e-4);
        }
    }

    /// <summary>[T, V]: row t is of the token after the first t + 1.</summary>
    private static float[,] LogProbabilities(Decoder decoder, LoraWeights lora, int[] ids)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var logits = decoder.Logits(decoder.Hidden(torch.tensor(ids.Select(id => (long)id).ToArray(), torch.int64).unsqueeze(0), lora))[0]; // [T, V]
        var values = torch.nn.functional.log_softmax(logits, dim: -1);
        var (rows, columns) = (values.shape[0], values.shape[1]);
        var flat = values.data<float>().ToArray();
        var table = new float[rows, columns];
        Buffer.BlockCopy(flat, 0, table, 0, flat.Length * sizeof(float));
        return table;
    }
}
