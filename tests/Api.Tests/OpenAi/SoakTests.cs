using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Engine.Lora;
using Microsoft.EntityFrameworkCore;
using TorchSharp;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

/// <summary>Hundreds of streamed answers for 64 clients of four tenants: none fails, nothing is kept, and the tenants share alike however many clients they send.</summary>
[Collection(SoakCollection.Name)]
public sealed class SoakTests : IAsyncDisposable
{
    private const string Model = "llama3";
    private const int Requests = 500;
    private const int WarmUp = 150;
    private const int AdaptersEach = 4;

    // The bytes that may stay are 10 KiB for each request: a kept request, stream or adapter would be more.
    private const long MemoryBound = Requests * 10L * 1024;

    // Prompt and answer fit the least piece of memory that a sequence gets, so that tensors can be counted by tokens.
    private const int CacheTokens = 64;
    private const int NewTokens = 12;
    private const int Slots = 8;
    private static readonly int[] s_clients = [34, 10, 10, 10]; // of each tenant
    private static readonly LoraConfig s_config = new(4, 8, ["q_proj", "v_proj"]);

    private readonly ServingWorld _world = new(new Dictionary<string, string>
    {
        ["Serving:MaxResidentAdapters"] = $"{Slots}",
        ["Serving:MaxBatch"] = $"{Slots}",
        ["Serving:CacheMegabytes"] = "1",
    });
    private readonly RandomAdapters _adapters = new(Model);
    private readonly List<HttpClient> _tenants = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>What is held when nobody asks: tensors beyond those of caches and adapters, and managed bytes.</summary>
    private sealed record Held(long Tensors, long Bytes);

    public async ValueTask DisposeAsync()
    {
        foreach (var tenant in _tenants) tenant.Dispose();
        await _world.DisposeAsync();
        _adapters.Dispose();
    }

    [Fact]
    public async Task Streams_OfManyClientsAndTenants_GiveEverythingBackAndShareAlike()
    {
        await PublishAsync();
        using var meter = new ServingMeter(_world.Api.Services);
        await StreamAsync(WarmUp);
        var before = await HeldAsync(meter);
        var evicted = meter.Read("adapter_evictions", Model);

        var tokens = await StreamAsync(Requests);
        var after = await HeldAsync(meter);

        Assert.Equal(before.Tensors, after.Tensors);
        Assert.InRange(after.Bytes - before.Bytes, long.MinValue, MemoryBound);
        Assert.NotEqual(evicted, meter.Read("adapter_evictions", Model));
        Assert.All(tokens, share => Assert.InRange(share * s_clients.Length / (double)tokens.Sum(), 0.8, 1.2));
        await AssertEveryPlaceIsFreeAsync(meter);
    }

    private async Task PublishAsync()
    {
        foreach (var _ in s_clients) _tenants.Add(await _world.Api.CreateTenantAsync());
        var ids = await _world.Api.WithDatabaseAsync(database => database.Tenants.OrderByDescending(row => row.CreatedAt).Select(row => row.Id).Take(s_clients.Length).ToListAsync(Token));
        for (var tenant = 0; tenant < ids.Count; tenant++)
            for (var index = 0; index < AdaptersEach; index++)
                await _world.PublishAsync($"soak-{index}", Model, _adapters.Write(s_config, (100 * tenant) + index), tenantId: ids[tenant]);
    }

    /// <summary>All clients ask, each for its next answer when it has one, until so many are begun.</summary>
    /// <returns>The tokens computed for each tenant while every client was there.</returns>
    private async Task<long[]> StreamAsync(int requests)
    {
        var tokens = new long[s_clients.Length];
        var begun = 0;
        await Task.WhenAll(s_clients.SelectMany((clients, tenant) => Enumerable.Range(0, clients).Select(client => Task.Run(
            async () =>
            {
                var random = new Random((1000 * tenant) + client);
                while (Interlocked.Increment(ref begun) <= requests)
                {
                    var computed = await AskAsync(tenant, random);
                    // Who ends after the last has begun may have had nobody beside it.
                    if (Volatile.Read(ref begun) <= requests) Interlocked.Add(ref tokens[tenant], computed);
                }
            },
            Token))));
        return tokens;
    }

    /// <summary>One streamed answer.</summary>
    /// <returns>The tokens that went through the model for it.</returns>
    private async Task<int> AskAsync(int tenant, Random random)
    {
        int[] prompt = [.. ServingWorld.Prompt, .. Enumerable.Range(0, 16).Select(_ => random.Next(3, 60))];
        using var response = await _tenants[tenant].PostNodeAsync("/v1/completions", new JsonObject
        {
            ["model"] = $"soak-{random.Next(AdaptersEach)}",
            ["prompt"] = new JsonArray([.. prompt.Select(id => JsonValue.Create(id))]),
            ["max_tokens"] = NewTokens,
            ["stream"] = true,
            ["stream_options"] = new JsonObject { ["include_usage"] = true },
        });
        var text = await response.Content.ReadAsStringAsync(Token);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        var lines = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", lines[^1]);
        var usage = JsonNode.Parse(lines[^2]["data: ".Length..])!["usage"]!;
        Assert.InRange((int)usage["completion_tokens"]!, 1, NewTokens);
        // The last token of an answer goes to the client alone.
        return (int)usage["prompt_tokens"]! - (int)usage["prompt_tokens_details"]!["cached_tokens"]! + (int)usage["completion_tokens"]! - 1;
    }

    private static async Task<Held> HeldAsync(ServingMeter meter)
    {
        // An answer's last byte is sent before its place is given back.
        while (meter.Read("sequences", "running") + meter.Read("sequences", "waiting") > 0) await Task.Delay(5, Token);
        var bytes = long.MaxValue;
        for (var again = 0; again < 5; again++)
        {
            bytes = Math.Min(bytes, GC.GetTotalMemory(forceFullCollection: true));
            GC.WaitForPendingFinalizers();
        }

        // Two layers: their keys and values for each cache, and two pairs of matrices for each adapter.
        var caches = meter.Read("cache_tokens", Model) / CacheTokens * 4;
        var adapters = meter.Read("resident_adapters", Model) * 8;
        return new Held(torch.Tensor.TotalCount - caches - adapters, bytes);
    }

    /// <summary>As many adapters as there is room for come in one after the other and stay: a place that somebody kept would be missed by the second round.</summary>
    private async Task AssertEveryPlaceIsFreeAsync(ServingMeter meter)
    {
        (long, long) Loads() => (meter.Read("adapter_loads", Model), meter.Read("slot_loads", Model));
        for (var index = 0; index < Slots; index++) await _world.PublishAsync($"last-{index}", Model, _adapters.Write(s_config, 1000 + index));
        var loads = new List<(long, long)> { Loads() };
        for (var round = 0; round < 2; round++)
        {
            for (var index = 0; index < Slots; index++)
            {
                using var response = await _world.Api.Client.PostNodeAsync("/v1/completions", new JsonObject { ["model"] = $"last-{index}", ["prompt"] = "a", ["max_tokens"] = 1 });
                await response.ReadAsync(HttpStatusCode.OK);
            }

            loads.Add(Loads());
        }

        Assert.Equal((loads[0].Item1 + Slots, loads[0].Item2 + Slots), loads[1]);
        Assert.Equal(loads[1], loads[2]);
        Assert.Equal(Slots, meter.Read("resident_adapters", Model));
    }
}
