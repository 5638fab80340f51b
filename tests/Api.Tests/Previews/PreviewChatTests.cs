using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Api.Tests.OpenAi;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Api.Tests.Previews;

/// <summary>Answers of merges that nobody has adopted; this world keeps one adapter in memory.</summary>
[Collection(LearnedCollection.Name)]
public sealed class PreviewChatTests(LearnedWorld world)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Id => (string)world.Preview["id"]!;

    [Fact]
    public async Task Chat_WithAPreview_AnswersAsTheVersionThatAdoptingItMade()
    {
        using var meter = new ServingMeter(world.Api.Services);
        var adopted = await AskAsync("bot@3");
        var varied = await AskAsync("bot@2");

        // Each of these drops the weights before it and merges or reads its own anew.
        var merged = await AskAsync($"bot@{Id}:0.375");
        var other = await AskAsync($"bot@{Id}:0.25");
        var own = await AskAsync($"bot@{Id}:{(1 / Math.Sqrt(2)).ToString("R", System.Globalization.CultureInfo.InvariantCulture)}");

        Assert.Equal((adopted.Sha256, adopted.Answer), (merged.Sha256, merged.Answer));
        Assert.Equal((varied.Sha256, varied.Answer), (own.Sha256, own.Answer));
        Assert.NotEqual(merged.Answer, other.Answer);
        Assert.NotEqual(merged.Sha256, other.Sha256);
        Assert.Equal(("3", null), (adopted.Version, adopted.Preview));
        Assert.Equal((null, Id), (merged.Version, merged.Preview));
        Assert.Equal(1, meter.Read("resident_adapters", "tiny"));
        Assert.True(meter.Read("adapter_loads", "tiny") >= 5);
        // It is computed and not stored.
        Assert.Null(await world.Api.Services.GetRequiredService<IObjectStore>().StatAsync(other.Sha256!, Token));
        Assert.Equal($"bot@{Id}:0.25", (string?)(await world.Client.GetNodeAsync($"/v1/models/bot@{Id}:0.25"))["id"]);
    }

    [Fact]
    public async Task Chat_WithAPreviewThatCannotAnswer_SaysWhatToDo()
    {
        foreach (var (model, says) in new[]
        {
            ("bot@preview_none:0.5", "no merge preview 'preview_none'"), ($"bot@{Id}", "come ':' and a lambda or schedule that it measured: 0.25; 0.375; 0.707"), ($"bot@{Id}:0.5", "that it measured: 0.25; 0.375; 0.707"),
            ($"bot@{Id}:much", "that it measured"), ($"bot@{Id}:0,375", "that it measured"), ($"bot@{Id}:NaN", "that it measured"), ($"sums@{Id}:0.375", "no merge preview"), ($"none@{Id}:0.375", "no adapter of this key"),
            ($"bot:live@{Id}:0.375", "no alias"), ("bot@previews", "PREVIEW_ID:LAMBDA"),
        }) await RefusedAsync(world.Client, model, says);
        using var stranger = await world.Api.CreateTenantAsync();
        await RefusedAsync(stranger, $"bot@{Id}:0.375", "no adapter of this key");

        foreach (var (status, says) in new[] { (LearningTaskStatus.Queued, "the preview is queued. Wait"), (LearningTaskStatus.Running, "is running. Wait"), (LearningTaskStatus.Cancelled, "is cancelled. POST"), (LearningTaskStatus.Failed, "is failed. POST") })
        {
            await SetAsync(status);
            await RefusedAsync(world.Client, $"bot@{Id}:0.375", says);
        }

        await SetAsync(LearningTaskStatus.Succeeded);
        using var job = await world.Client.PostNodeAsync("/v1/fine_tuning/jobs", new JsonObject { ["model"] = $"bot@{Id}:0.375", ["training_file"] = "file-none" });
        Assert.False(job.IsSuccessStatusCode);

        Task<bool> SetAsync(LearningTaskStatus status) => world.Api.WithDatabaseAsync(async database =>
            // No message tells a worker of it, and this world's next sweep is an hour away.
            await database.Tasks.Where(row => database.MergePreviews.Any(preview => preview.TaskId == row.Id && preview.Id == Id)).ExecuteUpdateAsync(set => set.SetProperty(row => row.Status, status), Token) == 1);
    }

    private async Task<(string? Sha256, string? Version, string? Preview, string Answer)> AskAsync(string model)
    {
        using var response = await world.Client.PostNodeAsync("/v1/chat/completions", new JsonObject
        {
            ["model"] = model,
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "question 1" }),
            ["max_tokens"] = 4,
            ["temperature"] = 0,
            ["logprobs"] = true,
        });
        var answer = await response.ReadAsync(HttpStatusCode.OK);
        Assert.Equal(model, (string?)answer["model"]);
        return (Header("X-Adapter-Sha256"), Header("X-Adapter-Version"), Header("X-Merge-Preview"), answer["choices"]![0]!["logprobs"]!.ToJsonString());

        string? Header(string name) => response.Headers.TryGetValues(name, out var values) ? values.Single() : null;
    }

    private static async Task RefusedAsync(HttpClient client, string model, string says)
    {
        using var response = await client.PostNodeAsync("/v1/completions", new JsonObject { ["model"] = model, ["prompt"] = "red", ["max_tokens"] = 1 });
        var error = (await response.ReadAsync(HttpStatusCode.NotFound))["error"]!;
        Assert.Equal("model_not_found", (string?)error["code"]);
        Assert.Contains(says, (string?)error["message"], StringComparison.Ordinal);
    }
}
