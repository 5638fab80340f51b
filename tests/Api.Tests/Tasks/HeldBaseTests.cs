using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests.Tasks;

/// <summary>A service that trains on a base in four bits, by its training process.</summary>
public sealed class HeldBaseTests : IAsyncLifetime
{
    private readonly ApiWorld _world = new(new Dictionary<string, string> { ["Training:Threads"] = "1", ["Training:Base"] = "int4" }, runsTasks: true);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Task_OnANarrowBase_IsPlannedAndRecordedSoAndReplayedToTheBit()
    {
        await _world.Client.CreateAdapterAsync("bot");
        using (var asked = await _world.Client.PostNodeAsync("/tasks?dry_run=true", new JsonObject { ["adapter"] = "bot", ["examples"] = Http.Examples() }))
        {
            var estimate = await asked.ReadAsync(HttpStatusCode.OK);
            Assert.False((bool)estimate["memoryPlan"]!["gradientCheckpointing"]!);
            Assert.True((long)estimate["memory"]!["wholeBase"]! > 0);
        }

        await _world.Client.LearnAsync("bot", "first");

        var environment = (await _world.Client.GetNodeAsync("/adapters/bot/versions/1/manifest"))["lineage"]![0]!["environment"]!;
        Assert.Equal(("int4", "8"), ((string)environment["base"]!, (string)environment["microBatches"]!));
        Assert.Equal("bit_identical", (string?)(await _world.Client.MakeAsync("/adapters/bot/replay", "{}"))["verdict"]);
    }
}
