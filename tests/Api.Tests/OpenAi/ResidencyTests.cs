using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Engine.Lora;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

public sealed class ResidencyTests : IAsyncDisposable
{
    private const string Model = "llama3";
    private static readonly LoraConfig Config = new(4, 8, ["q_proj", "v_proj"]);
    private readonly ServingWorld _world = new(new Dictionary<string, string> { ["Serving:MaxResidentAdapters"] = "2" });
    private readonly RandomAdapters _adapters = new(Model);

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        _adapters.Dispose();
    }

    [Fact]
    public async Task Adapters_MoreThanStayResident_AreCountedAsTheyComeAndGo()
    {
        for (var index = 0; index < 3; index++) await _world.PublishAsync($"a{index}", Model, _adapters.Write(Config, seed: index));
        using var meter = new ServingMeter(_world.Api.Services);

        using (var first = await AskAsync("a0")) await first.ReadAsync(HttpStatusCode.OK);
        // Nothing has gone yet, and the page says so: a counter that appears with its first event hides that event from whoever looks at its growth.
        foreach (var counter in new[] { "adapter_evictions", "preempted", "slot_loads" }) Assert.True(meter.Knows(counter, Model), counter);

        // Two fit, and are not read again; the third drops the one used longest ago, which comes back at the expense of the next.
        foreach (var (adapter, loads, evictions, resident) in new[] { (0, 1, 0, 1), (1, 2, 0, 2), (0, 2, 0, 2), (2, 3, 1, 2), (0, 3, 1, 2), (1, 4, 2, 2) })
        {
            using var response = await AskAsync($"a{adapter}");
            await response.ReadAsync(HttpStatusCode.OK);
            Assert.Equal((loads, evictions, resident), (meter.Read("adapter_loads", Model), meter.Read("adapter_evictions", Model), meter.Read("resident_adapters", Model)));
        }

        // The names alone: the page also counts what other services of this process do.
        var text = await PageAsync();
        Assert.Matches(@"\ncontinual_serving_resident_adapters\{[^}]*model=""llama3""[^}]*\} [0-9]", text);
        Assert.Matches(@"\ncontinual_serving_adapter_loads_total\{[^}]*model=""llama3""[^}]*\} [0-9]", text);
        Assert.Matches(@"\ncontinual_serving_adapter_evictions_total\{[^}]*model=""llama3""[^}]*\} [0-9]", text);
    }

    [Fact]
    public async Task Live_Moved_IsAnsweredByTheVeryNextRequestWhileTheOldVersionIsResidentAndItsCacheWarm()
    {
        string[] folders = [_adapters.Write(Config, seed: 1), _adapters.Write(Config, seed: 2)];
        var digests = new string[2];

        // Published, published on top, and taken back: the prompt is the same all along.
        foreach (var (move, version, warm) in new[] { ("publish", 1, false), ("stay", 1, true), ("publish", 2, false), ("stay", 2, true), ("back", 1, true) })
        {
            if (move == "publish") digests[version - 1] = await _world.PublishAsync("moving", Model, folders[version - 1], version);
            if (move == "back") await _world.RollBackAsync("moving", version);

            using var response = await AskAsync("moving");
            var answer = await response.ReadAsync(HttpStatusCode.OK);

            Assert.Equal(version.ToString(CultureInfo.InvariantCulture), response.Headers.GetValues("X-Adapter-Version").Single());
            Assert.Equal(digests[version - 1], response.Headers.GetValues("X-Adapter-Sha256").Single());
            Assert.Equal(warm ? ServingWorld.Prompt.Length - 1 : 0, (int)answer["usage"]!["prompt_tokens_details"]!["cached_tokens"]!);
            AssertIsOf(folders[version - 1], answer);
        }
    }

    private Task<string> PageAsync() => _world.Api.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

    private void AssertIsOf(string folder, JsonNode answer)
    {
        var scores = answer["choices"]![0]!["logprobs"]!;
        var ids = scores["x_token_ids"]!.AsArray().Select(id => (int)id!).ToArray();
        var expected = _adapters.Score(folder, [[.. ServingWorld.Prompt, .. ids]])[0][ServingWorld.Prompt.Length..];
        Assert.Equal(ids.Length, expected.Length);
        for (var i = 0; i < ids.Length; i++) Assert.Equal(expected[i], (double)scores["token_logprobs"]![i]!, RandomAdapters.Tolerance);
    }

    private Task<HttpResponseMessage> AskAsync(string model) => _world.Api.Client.PostNodeAsync("/v1/completions", new JsonObject
    {
        ["model"] = model,
        ["prompt"] = new JsonArray([.. ServingWorld.Prompt.Select(id => JsonValue.Create(id))]),
        ["max_tokens"] = 4,
        ["temperature"] = 0,
        ["logprobs"] = 0,
    });
}
