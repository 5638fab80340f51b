using System.Net;
using ContinualService.Api.Tests.OpenAi;
using Xunit;

namespace ContinualService.Api.Tests.Serving.Vllm;

/// <summary>Which adapters are loaded where, and when they go. That none goes in use and no name is given twice, the servers see to (<see cref="VllmTestServer.Violations"/>).</summary>
public sealed class VllmPlacesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Adapters_MoreThanPlaces_ReplaceTheOneUsedLongestAgo()
    {
        await using var world = await VllmWorld.StartAsync(settings: [("Serving:Vllm:MaxAdapters", "2")]);
        world.Server.MaxLoras = 2;
        for (var index = 0; index < 3; index++) await world.PublishAsync($"a{index}", seed: index);
        using var meter = new ServingMeter(world.Service.Api.Services);
        var first = await world.AskAsync("a0");

        foreach (var (adapter, loads, unloads) in new[] { (0, 1, 0), (1, 2, 0), (0, 2, 0), (2, 3, 1), (0, 3, 1), (1, 4, 2) })
        {
            var answer = await world.AskAsync($"a{adapter}");
            if (adapter == 0) VllmWorld.AssertSame(first["choices"], answer["choices"]);
            Assert.Equal((loads, unloads), (world.Server.Count("load"), world.Server.Count("unload")));
            // Files are there for what is loaded, and for nothing else.
            Assert.Equal(world.Server.Loaded.Order(), world.Files.Select(Path.GetFileName).Order());
        }

        var address = new Uri(world.Server.Address).Authority;
        Assert.Equal((4, 2, 2), (meter.Read("fleet_loads", address), meter.Read("fleet_unloads", address), meter.Read("fleet_adapters", address)));
        Assert.Equal((0, 1), (meter.Read("fleet_requests", address), meter.Read("fleet_up", address)));
    }

    [Fact]
    public async Task Adapter_InUse_IsNotUnloadedForAnother()
    {
        await using var world = await VllmWorld.StartAsync(settings: [("Serving:Vllm:MaxAdapters", "1")]);
        world.Server.MaxLoras = 1;
        var gate = new TaskCompletionSource();
        world.Server.Gate = gate.Task;
        for (var index = 0; index < 2; index++) await world.PublishAsync($"a{index}", seed: index);
        using var meter = new ServingMeter(world.Service.Api.Services);
        using var running = await world.BeginAsync("a0", Token);

        Assert.Equal("fleet_full", await world.RefusalAsync(HttpStatusCode.ServiceUnavailable, "a1"));
        Assert.Equal(1, meter.Read("fleet_requests", VllmWorld.Model));
        gate.SetResult();
        Assert.EndsWith("data: [DONE]\n\n", await running.ReadToEndAsync(Token), StringComparison.Ordinal);

        await world.AskAsync("a1");
        Assert.Single(world.Server.Loaded);
    }

    [Fact]
    public async Task Adapter_Pinned_IsRefusedSinceNoPlaceOfAFleetIsKept()
    {
        await using var world = await VllmWorld.StartAsync();
        await world.PublishAsync("a0", seed: 0);

        using var refused = await world.Client.PutAsync("/adapters/a0/pin", null, Token);

        Assert.Contains("none can be pinned", (string?)(await refused.ReadAsync(HttpStatusCode.Conflict))["detail"], StringComparison.Ordinal);
        Assert.False((bool)(await world.Client.GetNodeAsync("/adapters/a0"))["pinned"]!);
    }

    [Fact]
    public async Task Adapter_WantedByManyAtOnce_IsLoadedOnce()
    {
        await using var world = await VllmWorld.StartAsync();
        var gate = new TaskCompletionSource();
        world.Server.LoadGate = gate.Task;
        await world.PublishAsync("a", seed: 1);

        var answers = Enumerable.Range(0, 8).Select(_ => world.AskAsync("a")).ToList();
        await VllmWorld.UntilAsync(() => world.Server.Count("load") > 0, "it is being loaded");
        gate.SetResult();
        await Task.WhenAll(answers);

        Assert.Equal(1, world.Server.Count("load"));
    }

    [Fact]
    public async Task Storm_OfMoreAdaptersThanPlaces_GetsEachItsOwnAnswer()
    {
        const int adapters = 6;
        await using var world = await VllmWorld.StartAsync(servers: 2, ("Serving:Vllm:MaxAdapters", "2"));
        foreach (var server in world.Servers) server.MaxLoras = 2;
        for (var index = 0; index < adapters; index++) await world.PublishAsync($"a{index}", seed: index);
        var alone = new List<System.Text.Json.Nodes.JsonNode>();
        for (var index = 0; index < adapters; index++) alone.Add((await world.AskAsync($"a{index}"))["choices"]!);
        Assert.Equal(adapters, alone.Select(choices => (double)choices[0]!["logprobs"]!["token_logprobs"]![0]!).Select(value => Math.Round(value, 2)).Distinct().Count());

        var answered = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, 120), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Token }, async (turn, token) =>
        {
            var index = turn * 7 % adapters;
            using var response = await world.Client.PostNodeAsync("/v1/completions", VllmWorld.Body($"a{index}"));
            if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
            {
                Assert.NotNull(response.Headers.RetryAfter);
                return;
            }

            VllmWorld.AssertSame(alone[index], (await response.ReadAsync(HttpStatusCode.OK))["choices"]);
            Interlocked.Increment(ref answered);
        });

        Assert.True(answered > 40, $"Only {answered} of 120 were answered.");
        Assert.All(world.Servers, server => Assert.True(server.Count("unload") > 0));
    }

    [Fact]
    public async Task Servers_ShareTheLoadAndPreferTheOneThatHasTheAdapter()
    {
        await using var world = await VllmWorld.StartAsync(servers: 2, ("Serving:Vllm:PreferLoadedBy", "2"));
        var gate = new TaskCompletionSource();
        foreach (var server in world.Servers) server.Gate = gate.Task;
        await world.PublishAsync("a", seed: 1);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);

        var open = new List<StreamReader>();
        for (var index = 0; index < 2; index++) open.Add(await world.BeginAsync("a", stop.Token));
        Assert.Equal([0, 2], world.Servers.Select(server => server.Running).Order());
        // Two more than the idle one: from here on both have it and share.
        for (var index = 0; index < 4; index++) open.Add(await world.BeginAsync("a", stop.Token));
        Assert.Equal([3, 3], world.Servers.Select(server => server.Running));
        Assert.All(world.Servers, server => Assert.Equal(1, server.Count("load")));

        for (var index = 0; index < 4; index++) open.Add(await world.BeginAsync(VllmWorld.Model, stop.Token));
        Assert.Equal([5, 5], world.Servers.Select(server => server.Running));
        gate.SetResult();
        foreach (var reader in open)
        {
            Assert.EndsWith("data: [DONE]\n\n", await reader.ReadToEndAsync(Token), StringComparison.Ordinal);
            reader.Dispose();
        }
    }

    [Fact]
    public async Task Adapter_Deleted_IsUnloadedWithItsFilesOnceNobodyUsesIt()
    {
        await using var world = await VllmWorld.StartAsync(settings: [("Serving:Vllm:WatchSeconds", "0.05")]);
        var gate = new TaskCompletionSource();
        world.Server.Gate = gate.Task;
        await world.PublishAsync("kept", seed: 1);
        await world.PublishAsync("gone", seed: 2);
        await world.AskAsync("kept", ("max_tokens", 1));
        using var running = await world.BeginAsync("gone", Token);
        using var deleted = await world.Client.DeleteAsync("/v1/models/gone", Token);
        await deleted.ReadAsync(HttpStatusCode.OK);
        var seen = world.Server.Count("complete");
        Assert.Equal("model_not_found", await world.RefusalAsync(HttpStatusCode.NotFound, "gone"));
        Assert.Equal(seen, world.Server.Count("complete"));

        Assert.Equal(2, world.Server.Loaded.Count);
        gate.SetResult();
        Assert.EndsWith("data: [DONE]\n\n", await running.ReadToEndAsync(Token), StringComparison.Ordinal);

        await VllmWorld.UntilAsync(() => world.Server.Loaded.Count == 1 && world.Files.Count() == 1, "the deleted adapter is gone");
        await world.AskAsync("kept");
        Assert.Equal(2, world.Server.Count("load"));
    }

    [Fact]
    public async Task Service_StartedAgain_TakesOverWhatIsLoaded()
    {
        await using var world = await VllmWorld.StartAsync();
        var data = ("Data:Root", Directory.CreateTempSubdirectory("fleet-data-").FullName);
        var before = world.Start(data);
        await before.PublishAsync("a", VllmWorld.Model, world.Peft(1));
        await AskAsync(before);
        Assert.Equal(1, world.Server.Count("load"));
        await before.DisposeAsync();

        await using var after = world.Start(data, ("Serving:Vllm:WatchSeconds", "0.05"));
        using var meter = new ServingMeter(after.Api.Services);
        await VllmWorld.UntilAsync(() => meter.Read("fleet_adapters", VllmWorld.Model) == 1, "the loaded adapter is taken over");
        await AskAsync(after);

        Assert.Equal((1, 0), (world.Server.Count("load"), world.Server.Count("unload")));
        Directory.Delete(data.FullName, recursive: true);

        static async Task AskAsync(ServingWorld service)
        {
            using var response = await service.Api.Client.PostNodeAsync("/v1/completions", VllmWorld.Body("a"));
            await response.ReadAsync(HttpStatusCode.OK);
        }
    }

    [Fact]
    public async Task Services_OnOneFleet_LeaveEachOthersAdaptersAlone()
    {
        await using var world = await VllmWorld.StartAsync(settings: [("Serving:Vllm:MaxAdapters", "1"), ("Serving:Vllm:WatchSeconds", "0.05")]);
        await world.PublishAsync("mine", seed: 1);
        await world.AskAsync("mine");
        var mine = world.Server.Loaded.Single();

        await using var other = world.Start(("Serving:Vllm:MaxAdapters", "1"), ("Serving:Vllm:WatchSeconds", "0.05"));
        for (var index = 0; index < 3; index++)
        {
            await other.PublishAsync($"theirs{index}", VllmWorld.Model, world.Peft(2 + index));
            using var response = await other.Api.Client.PostNodeAsync("/v1/completions", VllmWorld.Body($"theirs{index}"));
            await response.ReadAsync(HttpStatusCode.OK);
        }

        Assert.Contains(mine, world.Server.Loaded);
        Assert.Equal(2, world.Server.Loaded.Count);
        Assert.Equal(2, world.Server.Loaded.Select(name => name.Split('-')[1]).Distinct().Count());
    }

    [Fact]
    public async Task Strangers_UnderThisServicesNames_AreUnloadedAndOthersAreNot()
    {
        await using var world = await VllmWorld.StartAsync(settings: [("Serving:Vllm:WatchSeconds", "0.05")]);
        await world.PublishAsync("a", seed: 1);
        await world.AskAsync("a");
        var own = world.Server.Loaded.Single();
        var lost = own.Replace("-v1-", "-v2-", StringComparison.Ordinal); // as a load whose answer was lost leaves it
        var foreign = "cs-0123456789ab" + own[15..];
        var (path, body) = (world.Files.Single(), "/v1/load_lora_adapter");
        using var direct = new HttpClient { BaseAddress = new Uri(world.Server.Address) };
        foreach (var name in new[] { lost, foreign, "somebody-elses" })
        {
            using var loaded = await direct.PostTextAsync(body, $$"""{"lora_name": "{{name}}", "lora_path": "{{path}}", "load_inplace": false}""");
            Assert.Equal(HttpStatusCode.OK, loaded.StatusCode);
        }

        await VllmWorld.UntilAsync(() => !world.Server.Loaded.Contains(lost), "the lost load is unloaded");

        Assert.Equal(new[] { own, foreign, "somebody-elses" }.Order(), world.Server.Loaded.Order());
    }

    [Fact]
    public async Task Owner_ThatEndedLongAgo_IsClearedAndOneThatLivesIsNot()
    {
        await using var world = await VllmWorld.StartAsync(settings: [("Serving:Vllm:WatchSeconds", "0.05")]);
        await using var living = world.Start();
        await living.PublishAsync("living", VllmWorld.Model, world.Peft(1));
        using (var response = await living.Api.Client.PostNodeAsync("/v1/completions", VllmWorld.Body("living"))) await response.ReadAsync(HttpStatusCode.OK);
        var kept = world.Server.Loaded.Single();
        const string Owner = "0123456789ab";
        var left = $"cs-{Owner}" + kept[15..];
        using var direct = new HttpClient { BaseAddress = new Uri(world.Server.Address) };
        using (var loaded = await direct.PostTextAsync("/v1/load_lora_adapter", $$"""{"lora_name": "{{left}}", "lora_path": "{{world.Files.Single()}}", "load_inplace": false}"""))
            Assert.Equal(HttpStatusCode.OK, loaded.StatusCode);

        // Both locks are old enough, but only the one is free.
        var part = Directory.CreateDirectory(Path.Combine(world.Folder, "coming", left)).Parent!;
        await File.WriteAllTextAsync(Path.Combine(part.FullName, "owner.lock"), "", Token);
        foreach (var file in Directory.EnumerateFiles(world.Folder, "owner.lock", SearchOption.AllDirectories)) File.SetLastWriteTimeUtc(file, DateTime.UnixEpoch);
        part.MoveTo(Path.Combine(world.Folder, Owner));

        await VllmWorld.UntilAsync(() => !Directory.Exists(part.FullName), "the part of the dead owner is gone");
        Assert.Equal([kept], world.Server.Loaded);
        Assert.Equal(kept, Path.GetFileName(world.Files.Single()));
    }
}
