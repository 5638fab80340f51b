using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Engine.Lora;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

public sealed class PinnedAdapterTests : IAsyncDisposable
{
    private const string Model = "llama3";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly LoraConfig Config = new(4, 8, ["q_proj", "v_proj"]);

    private readonly ServingWorld _world = new(new Dictionary<string, string>
    {
        ["Serving:MaxResidentAdapters"] = "3",
        ["Serving:MaxPinnedPerTenant"] = "1",
    });

    private readonly RandomAdapters _adapters = new(Model);

    private HttpClient Client => _world.Api.Client;

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        _adapters.Dispose();
    }

    [Fact]
    public async Task Pinned_IsLoadedBeforeAnybodyAsksAndStaysWhileOthersComeAndGo()
    {
        for (var index = 0; index < 4; index++) await _world.PublishAsync($"a{index}", Model, _adapters.Write(Config, seed: index));
        using var meter = new ServingMeter(_world.Api.Services);

        var shown = await PinAsync("a0");
        await UntilAsync(() => meter.Read("pinned_adapters", Model) == 1);

        Assert.True((bool)shown["pinned"]!);
        Assert.True((bool)(await Client.GetNodeAsync("/adapters/a0"))["pinned"]!);
        Assert.Equal(1, meter.Read("adapter_loads", Model));

        // Three fit; what is pinned is used longest ago all along.
        foreach (var index in new[] { 1, 2, 3, 1, 2, 3 }) await AskAsync($"a{index}");
        var (loads, evictions) = (meter.Read("adapter_loads", Model), meter.Read("adapter_evictions", Model));
        Assert.Equal((7, 4), (loads, evictions));
        await AskAsync("a0");
        Assert.Equal((7, 4), (meter.Read("adapter_loads", Model), meter.Read("adapter_evictions", Model)));

        // Let go, it is one like the others.
        using var unpinned = await Client.DeleteAsync("/adapters/a0/pin", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NoContent, unpinned.StatusCode);
        await UntilAsync(() => meter.Read("pinned_adapters", Model) == 0);
        foreach (var index in new[] { 1, 2, 3 }) await AskAsync($"a{index}");
        loads = meter.Read("adapter_loads", Model);
        await AskAsync("a0");
        Assert.Equal(loads + 1, meter.Read("adapter_loads", Model));
        Assert.False((bool)(await Client.GetNodeAsync("/adapters/a0"))["pinned"]!);
    }

    [Fact]
    public async Task Pinned_VersionPublished_TakesThePlaceOfTheLastBeforeAnybodyAsks()
    {
        await _world.PublishAsync("moving", Model, _adapters.Write(Config, seed: 1));
        using var meter = new ServingMeter(_world.Api.Services);
        await PinAsync("moving");
        await UntilAsync(() => meter.Read("adapter_loads", Model) == 1);

        var second = await _world.PublishAsync("moving", Model, _adapters.Write(Config, seed: 2), number: 2);
        await UntilAsync(() => meter.Read("adapter_loads", Model) == 2);
        var headers = await AskAsync("moving");

        Assert.Equal(("2", second), (headers["X-Adapter-Version"], headers["X-Adapter-Sha256"]));
        Assert.Equal((2, 1), (meter.Read("adapter_loads", Model), meter.Read("pinned_adapters", Model)));

        // Deleted, it holds nothing any more.
        using var deleted = await Client.DeleteAsync("/adapters/moving", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        await UntilAsync(() => meter.Read("pinned_adapters", Model) == 0);
    }

    [Fact]
    public async Task Pin_Repeated_IsOnePin()
    {
        var sha256 = await _world.PublishAsync("twice", Model, _adapters.Write(Config, seed: 1));
        await PinAsync("twice");
        await PinAsync("twice");

        Assert.Equal(1, await _world.Api.WithDatabaseAsync(database => database.Adapters.CountAsync(row => row.PinnedAt != null)));
        Assert.Equal(1, await _world.Api.WithDatabaseAsync(database => database.Audit.CountAsync(row => row.Action == "adapter.pin")));
        Assert.Equal(sha256, (await AskAsync("twice"))["X-Adapter-Sha256"]);
    }

    [Fact]
    public async Task Pinned_ThatCannotBeLoaded_KeepsNoOtherFromItsPlace()
    {
        await _world.PublishAsync("broken", Model, _adapters.Write(Config, seed: 1));
        using var other = await _world.Api.CreateTenantAsync();
        var tenant = await _world.Api.WithDatabaseAsync(database => database.Tenants.OrderByDescending(row => row.Id).Select(row => row.Id).FirstAsync());
        await _world.PublishAsync("whole", Model, _adapters.Write(Config, seed: 2), tenantId: tenant);
        await _world.Api.WithDatabaseAsync(database => database.Versions.Where(row => database.Adapters.Any(adapter => adapter.Id == row.AdapterId && adapter.Name == "broken"))
            .ExecuteUpdateAsync(version => version.SetProperty(row => row.Sha256, new string('0', 64))));
        using var meter = new ServingMeter(_world.Api.Services);

        await PinAsync("broken");
        using var pinned = await other.PutAsync("/adapters/whole/pin", null, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, pinned.StatusCode);
        await UntilAsync(() => meter.Read("pinned_adapters", Model) == 1);
    }

    [Fact]
    public async Task Pin_BeyondTheTenantsShareOrThePlaces_IsRefusedWithWhatToDo()
    {
        for (var index = 0; index < 2; index++) await _world.PublishAsync($"a{index}", Model, _adapters.Write(Config, seed: index));
        await PinAsync("a0");
        using var second = await Client.PutAsync("/adapters/a1/pin", null, TestContext.Current.CancellationToken);
        Assert.Contains("Serving:MaxPinnedPerTenant", (string?)(await second.ProblemAsync(HttpStatusCode.Conflict, "wrong_state"))["detail"], StringComparison.Ordinal);

        // One place of three stays free for the others.
        for (var index = 0; index < 2; index++)
        {
            using var tenant = await _world.Api.CreateTenantAsync();
            using var made = await tenant.PostNodeAsync("/adapters", new JsonObject { ["name"] = "own" });
            await made.ReadAsync(HttpStatusCode.Created);
            using var pinned = await tenant.PutAsync("/adapters/own/pin", null, TestContext.Current.CancellationToken);
            if (index == 0) Assert.Equal(HttpStatusCode.OK, pinned.StatusCode);
            else Assert.Contains("Serving:MaxPinnedAdapters", (string?)(await pinned.ProblemAsync(HttpStatusCode.Conflict, "wrong_state"))["detail"], StringComparison.Ordinal);
            using var foreign = await tenant.PutAsync("/adapters/a0/pin", null, TestContext.Current.CancellationToken);
            await foreign.ProblemAsync(HttpStatusCode.NotFound, "not_found");
        }
    }

    private async Task<JsonNode> PinAsync(string adapter)
    {
        using var response = await Client.PutAsync($"/adapters/{adapter}/pin", null, TestContext.Current.CancellationToken);
        return await response.ReadAsync(HttpStatusCode.OK);
    }

    private async Task<IReadOnlyDictionary<string, string>> AskAsync(string model)
    {
        using var response = await Client.PostNodeAsync("/v1/completions", new JsonObject { ["model"] = model, ["prompt"] = "a", ["max_tokens"] = 1 });
        await response.ReadAsync(HttpStatusCode.OK);
        return response.Headers.ToDictionary(header => header.Key, header => header.Value.Single());
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_patience);
        while (!condition()) await Task.Delay(20, limit.Token);
    }
}
