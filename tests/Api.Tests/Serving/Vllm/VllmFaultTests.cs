using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Api.Tests.OpenAi;
using Xunit;

namespace ContinualService.Api.Tests.Serving.Vllm;

/// <summary>Servers that fail, lie, forget and hang.</summary>
public sealed class VllmFaultTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Answer_UnderAnotherModelsName_IsNotPassedOn(int from)
    {
        await using var world = await VllmWorld.StartAsync();
        await world.PublishAsync("a", seed: 1);
        world.Server.AnswersAs = ("another-tenants", from);

        Assert.Equal("fleet_failed", await world.RefusalAsync(HttpStatusCode.BadGateway, "a"));
        Assert.Equal(1, world.Server.Count("complete"));
        var events = await StreamAsync(world, "a");
        AssertBrokenOff(events, tokens: from - 1);
    }

    [Fact]
    public async Task Server_ThatRefuses_IsToldOnceAndAsWhatItIs()
    {
        await using var world = await VllmWorld.StartAsync();
        world.Server.CompletionStatus = 503;
        Assert.Equal("overloaded", await world.RefusalAsync(HttpStatusCode.ServiceUnavailable, VllmWorld.Model, ("echo", true)));
        world.Server.CompletionStatus = 401;
        Assert.Equal("fleet_refused", await world.RefusalAsync(HttpStatusCode.BadGateway, VllmWorld.Model, ("echo", true)));
        Assert.Equal(2, world.Server.Count("complete"));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(false, 3)]
    [InlineData(true, 0)]
    [InlineData(true, 3)]
    public async Task Answer_ThatBreaksOff_IsAnErrorAndIsNotRepeated(bool tells, int after)
    {
        await using var world = await VllmWorld.StartAsync(servers: 2);
        await world.PublishAsync("a", seed: 1);
        foreach (var server in world.Servers) (server.DiesAfter, server.FailsAfter) = (tells ? null : after, tells ? after : null);

        Assert.Equal("fleet_failed", await world.RefusalAsync(HttpStatusCode.BadGateway, "a"));
        Assert.Equal(1, world.Servers.Sum(server => server.Count("complete")));
        AssertBrokenOff(await StreamAsync(world, "a"), tokens: after);
        Assert.Equal(2, world.Servers.Sum(server => server.Count("complete")));

        foreach (var server in world.Servers) (server.DiesAfter, server.FailsAfter) = (null, null);
        await world.AskAsync("a");
    }

    [Fact]
    public async Task Request_WhoseFateIsUnknown_IsNotRepeated()
    {
        await using var world = await VllmWorld.StartAsync(servers: 2);
        foreach (var server in world.Servers) server.HangsUp = true;

        Assert.Equal("fleet_failed", await world.RefusalAsync(HttpStatusCode.BadGateway, VllmWorld.Model));

        Assert.Equal(1, world.Servers.Sum(server => server.Count("complete")));
        // The one that failed is asked last.
        world.Servers.Single(server => server.Count("complete") == 0).HangsUp = false;
        for (var time = 0; time < 3; time++) await world.AskAsync(VllmWorld.Model);
        Assert.Equal([1, 3], world.Servers.Select(server => server.Count("complete")).Order());
    }

    [Fact]
    public async Task Server_StartedAnew_GetsItsAdapterAgain()
    {
        await using var world = await VllmWorld.StartAsync();
        await world.PublishAsync("a", seed: 1);
        var before = await world.AskAsync("a");

        await world.Server.StopAsync();
        await world.Server.RestartAsync();
        var after = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => world.AskAsync("a")));

        Assert.All(after, answer => VllmWorld.AssertSame(before["choices"], answer["choices"]));
        Assert.Equal(2, world.Server.Count("load"));
        Assert.Single(world.Files);
    }

    [Fact]
    public async Task Server_StartedAnew_IsFoundOutByTheLookToo()
    {
        await using var world = await VllmWorld.StartAsync(settings: [("Serving:Vllm:WatchSeconds", "0.05")]);
        await world.PublishAsync("a", seed: 1);
        await world.AskAsync("a");

        world.Server.Forget();

        await VllmWorld.UntilAsync(() => !world.Files.Any(), "the loss is noticed");
        await world.AskAsync("a");
        Assert.Equal((2, 2), (world.Server.Count("load"), world.Server.Count("complete"))); // no request met the loss
    }

    [Fact]
    public async Task Server_ThatForgetsEveryAdapter_IsNotAskedForEver()
    {
        await using var world = await VllmWorld.StartAsync();
        await world.PublishAsync("a", seed: 1);
        world.Server.CompletionStatus = 404;

        Assert.Equal("fleet_refused", await world.RefusalAsync(HttpStatusCode.BadGateway, "a"));

        Assert.Equal(3, world.Server.Count("complete"));
    }

    [Fact]
    public async Task Server_ThatCannotBeReached_IsReplacedByAnother()
    {
        await using var world = await VllmWorld.StartAsync(servers: 2, ("Serving:Vllm:LeaveOutSeconds", "3600"));
        using var meter = new ServingMeter(world.Service.Api.Services);
        await world.PublishAsync("a", seed: 1);
        var before = await world.AskAsync("a");
        var holder = world.Servers.Single(server => server.Loaded.Count == 1);
        var other = world.Servers.Single(server => server != holder);
        await holder.StopAsync();

        // It is preferred, found dead, and left out from then on.
        for (var time = 0; time < 3; time++) VllmWorld.AssertSame(before["choices"], (await world.AskAsync("a"))["choices"]);
        Assert.Equal(3, other.Count("complete"));

        await other.StopAsync();
        for (var time = 0; time < 2; time++) Assert.Equal("fleet_unavailable", await world.RefusalAsync(HttpStatusCode.ServiceUnavailable, "a"));
        Assert.Equal("fleet_unavailable", await world.RefusalAsync(HttpStatusCode.ServiceUnavailable, VllmWorld.Model));
        Assert.Equal(2, meter.Read("fleet_failures", VllmWorld.Model)); // each was tried once
        foreach (var server in world.Servers) await server.RestartAsync();
    }

    [Fact]
    public async Task Load_ThatIsRefused_GoesToAnotherServerAndElseSaysWhoKnowsWhy()
    {
        await using var world = await VllmWorld.StartAsync(servers: 2);
        await world.PublishAsync("a", seed: 1);
        world.Server.LoadStatus = 400;
        for (var time = 0; time < 2; time++) await world.AskAsync("a");
        await world.PublishAsync("b", seed: 2);
        world.Servers[1].LoadStatus = 500;

        Assert.Equal("adapter_refused", await world.RefusalAsync(HttpStatusCode.BadGateway, "b"));
        Assert.Single(world.Files);
        foreach (var server in world.Servers) server.LoadStatus = null;
        await world.AskAsync("b"); // a refused load is not remembered
    }

    [Fact]
    public async Task Unload_ThatFails_KeepsThePlaceTaken()
    {
        await using var world = await VllmWorld.StartAsync(settings: [("Serving:Vllm:MaxAdapters", "1")]);
        world.Server.MaxLoras = 1;
        for (var index = 0; index < 2; index++) await world.PublishAsync($"a{index}", seed: index);
        await world.AskAsync("a0");
        world.Server.KeepsAdapters = true;

        Assert.Equal("fleet_unavailable", await world.RefusalAsync(HttpStatusCode.ServiceUnavailable, "a1"));
        Assert.Single(world.Files);
        await world.AskAsync("a0");

        world.Server.KeepsAdapters = false;
        await world.AskAsync("a1");
        Assert.Equal((2, 2), (world.Server.Count("load"), world.Server.Count("unload")));
    }

    [Fact]
    public async Task Client_ThatGoesAway_EndsTheGenerationOnTheServer()
    {
        await using var world = await VllmWorld.StartAsync();
        world.Server.Gate = Task.Delay(Timeout.Infinite, Token);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var reader = await world.BeginAsync(VllmWorld.Model, stop.Token);
        Assert.Equal(1, world.Server.Running);

        reader.Dispose();

        await VllmWorld.UntilAsync(() => world.Server.Running == 0, "the server stopped");
        Assert.Equal(1, world.Server.Aborted);
    }

    [Fact]
    public async Task Server_WithoutASignOfLife_IsGivenUp()
    {
        await using var world = await VllmWorld.StartAsync(settings: [("Serving:Vllm:AnswerSeconds", "0.5"), ("Serving:Vllm:LoadSeconds", "1")]);
        var gate = new TaskCompletionSource();
        world.Server.Gate = gate.Task;
        Assert.Equal("fleet_failed", await world.RefusalAsync(HttpStatusCode.BadGateway, VllmWorld.Model));
        await VllmWorld.UntilAsync(() => world.Server.Running == 0, "the server stopped");

        await world.PublishAsync("a", seed: 1);
        world.Server.LoadGate = gate.Task;
        Assert.Equal("fleet_unavailable", await world.RefusalAsync(HttpStatusCode.ServiceUnavailable, "a"));
        gate.SetResult();
    }

    [Fact]
    public async Task Requests_BeyondTheLimits_AreSentAway()
    {
        await using var world = await VllmWorld.StartAsync(settings: [("Serving:Vllm:MaxRequests", "3"), ("Serving:Vllm:MaxRequestsPerTenant", "2")]);
        var gate = new TaskCompletionSource();
        world.Server.Gate = gate.Task;
        using var other = await world.Service.Api.CreateTenantAsync();
        using var first = await world.BeginAsync(VllmWorld.Model, Token);

        using (var many = await world.Client.PostNodeAsync("/v1/completions", VllmWorld.Body(VllmWorld.Model, ("n", 2))))
            Assert.Equal("rate_limit_exceeded", (string?)(await many.ReadAsync(HttpStatusCode.TooManyRequests))["error"]!["code"]);
        // The one of the two that was taken has been given up.
        await VllmWorld.UntilAsync(() => world.Server.Running == 1, "the server stopped");
        using var second = await world.BeginAsync(VllmWorld.Model, Token);
        using (var crowd = await other.PostNodeAsync("/v1/completions", VllmWorld.Body(VllmWorld.Model, ("n", 2))))
            Assert.Equal("overloaded", (string?)(await crowd.ReadAsync(HttpStatusCode.ServiceUnavailable))["error"]!["code"]);

        gate.SetResult();
        foreach (var reader in new[] { first, second }) Assert.EndsWith("data: [DONE]\n\n", await reader.ReadToEndAsync(Token), StringComparison.Ordinal);
        await world.AskAsync(VllmWorld.Model, ("n", 2));
    }

    [Fact]
    public async Task Key_OfTheFleet_IsSentAndAWrongOneIsTold()
    {
        await using var world = await VllmWorld.StartAsync(settings: [("Serving:Vllm:ApiKey", "key-of-the-fleet")]);
        await world.PublishAsync("a", seed: 1);
        world.Server.ApiKey = "key-of-the-fleet";
        await world.AskAsync("a");

        world.Server.ApiKey = "another";
        using var response = await world.Client.PostNodeAsync("/v1/completions", VllmWorld.Body("a"));
        var text = (await response.ReadAsync(HttpStatusCode.BadGateway)).ToJsonString();
        Assert.Contains("Serving:Vllm:ApiKey", text, StringComparison.Ordinal);
        Assert.DoesNotContain("key-of-the-fleet", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Weights_ThatAreDamaged_AreNotHandedOut()
    {
        await using var world = await VllmWorld.StartAsync();
        var sha256 = await world.PublishAsync("a", seed: 1);
        var stored = Directory.EnumerateFiles(Path.Combine(world.Service.Api.DataRoot, "objects"), sha256, SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(stored, Token);
        bytes[^1] ^= 1;
        File.Delete(stored);
        await File.WriteAllBytesAsync(stored, bytes, Token);

        using var response = await world.Client.PostNodeAsync("/v1/completions", VllmWorld.Body("a"));
        Assert.Equal("model_damaged", (string?)(await response.ReadAsync(HttpStatusCode.ServiceUnavailable))["error"]!["code"]);

        Assert.Equal(0, world.Server.Count("load"));
        Assert.Empty(world.Files);
    }

    [Fact]
    public async Task Ready_WithoutAFleet_SaysSoAndGoesOn()
    {
        await using var world = await VllmWorld.StartAsync(servers: 2, ("Serving:Vllm:WatchSeconds", "0.05"), ("Serving:Vllm:ApiKey", "key-of-the-fleet"));
        async Task<(string?, JsonNode)> ReadyAsync()
        {
            var report = await world.Client.GetNodeAsync("/health/ready");
            Assert.Equal("ready", (string?)report["status"]);
            return ((string?)report["dependencies"]!["vllmFleet"]!["status"], report);
        }

        async Task UntilAsync(string status)
        {
            for (var turn = 0; (await ReadyAsync()).Item1 != status; turn++)
            {
                Assert.True(turn < 300, $"The fleet did not become {status}.");
                await Task.Delay(50, Token);
            }
        }

        await UntilAsync("ready");
        world.Server.IsIll = true; // one of two is enough
        await Task.Delay(300, Token);
        await UntilAsync("ready");
        await world.Servers[1].StopAsync();
        await UntilAsync("unavailable");
        var text = (await ReadyAsync()).Item2.ToJsonString();
        Assert.Contains("Serving:Vllm", text, StringComparison.Ordinal);
        Assert.DoesNotContain("127.0.0.1", text, StringComparison.Ordinal);

        world.Server.IsIll = false;
        await UntilAsync("ready");
        await world.AskAsync(VllmWorld.Model);
        await world.Servers[1].RestartAsync();
    }

    private static async Task<List<string>> StreamAsync(VllmWorld world, string model)
    {
        using var response = await world.Client.PostNodeAsync("/v1/completions", VllmWorld.Body(model, ("stream", true)));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return [.. (await response.Content.ReadAsStringAsync(Token)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)];
    }

    /// <summary>The tokens that came, then an error: no reason why it ended, and no end.</summary>
    private static void AssertBrokenOff(List<string> events, int tokens)
    {
        var parsed = events.ConvertAll(line => JsonNode.Parse(line["data: ".Length..])!);
        Assert.Equal("fleet_failed", (string?)parsed[^1]["error"]?["code"]);
        Assert.Equal(tokens, parsed[..^1].Sum(piece => piece["choices"]![0]!["logprobs"]!["tokens"]!.AsArray().Count));
        Assert.All(parsed[..^1], piece => Assert.Null(piece["choices"]![0]!["finish_reason"]));
    }
}
