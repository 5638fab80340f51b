using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Domain.Webhooks;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Api.Tests.Forecasts;

/// <summary>A service in which the adapter <c>bot</c> has learned two tasks, watched by limits that anything goes over.</summary>
public sealed class AdviceWorld : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    internal ApiWorld World { get; } = new(new Dictionary<string, string> { ["Training:Threads"] = "1", ["Drift:StopRows"] = "3" }, runsTasks: true);

    public async ValueTask InitializeAsync()
    {
        await CreateAsync("bot", 4);
        await World.WithDatabaseAsync(async database =>
        {
            var tenantId = await database.Adapters.Select(row => row.TenantId).FirstAsync();
            database.Add(new Webhook { Id = "wh_1", TenantId = tenantId, Url = "https://hooks.invalid/", Events = WebhookTypes.DriftAlarm, Secret = "secret" });
            return await database.SaveChangesAsync();
        });
        using var set = await World.Client.PutAsync("/adapters/bot/drift", new StringContent("""{"canaryKl": 0, "angle": 0, "canaryPrompts": ["question 3", "question 4"]}""", System.Text.Encoding.UTF8, "application/json"));
        await set.ReadAsync(HttpStatusCode.OK);
        foreach (var name in new[] { "first", "second" })
        {
            using var sent = await World.Client.PostNodeAsync("/tasks", Task("bot", name));
            var id = (string)(await sent.ReadAsync(HttpStatusCode.Accepted))["id"]!;
            Assert.Equal("succeeded", await EndAsync($"/tasks/{id}"));
        }
    }

    public ValueTask DisposeAsync() => World.DisposeAsync();

    internal async Task CreateAsync(string name, int rank, string? model = null)
    {
        using var made = await World.Client.PostNodeAsync("/adapters", new JsonObject { ["name"] = name, ["rank"] = rank, ["model"] = model });
        await made.ReadAsync(HttpStatusCode.Created);
    }

    internal static JsonObject Task(string adapter, string name, int epochs = 2) => new()
    {
        ["adapter"] = adapter,
        ["name"] = name,
        ["examples"] = Http.Examples(),
        ["evaluation"] = new JsonObject { ["fraction"] = 0.2, ["metric"] = "loss" },
        ["hyperparameters"] = new JsonObject { ["epochs"] = epochs, ["batchSize"] = 4, ["seed"] = name.Length, ["learningRate"] = 0.01 },
    };

    /// <summary>Waits until what is shown there is neither queued nor running, and gives its status.</summary>
    internal async Task<string?> EndAsync(string path)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var status = (string?)(await World.Client.GetNodeAsync(path))["status"];
            if (status is not ("queued" or "running")) return status;
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Patience, $"{path} is still {status}.");
            await System.Threading.Tasks.Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }
}
