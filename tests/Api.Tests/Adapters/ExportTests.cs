using System.Net;
using ContinualService.Api.Tests.OpenAi;
using ContinualService.Engine.Gguf;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.TestKit;
using Microsoft.EntityFrameworkCore;
using TorchSharp;
using Xunit;

namespace ContinualService.Api.Tests.Adapters;

/// <summary>Downloads of versions of real adapters, over the conformance models.</summary>
public sealed class ExportTests(ServingWorld world) : IClassFixture<ServingWorld>
{
    [Fact]
    public async Task Download_Gguf_IsTheLoraOfTheVersion()
    {
        var sha256 = await world.PublishAsync("gguf-export", "llama3", "llama3-lora");

        using var response = await world.Api.Client.GetAsync("/adapters/gguf-export/versions/1/download?format=gguf", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(sha256, response.Headers.GetValues("X-Adapter-Sha256").Single());
        Assert.Equal("gguf-export-v1.gguf", response.Content.Headers.ContentDisposition?.FileName);
        var folder = Shared.Folder("conformance/models/llama3-lora");
        var (model, config) = (ModelConfig.Load(Shared.Folder("conformance/models/llama3")), PeftAdapter.ReadConfig(folder).Config);
        using var weights = PeftAdapter.LoadWeights(Path.Combine(folder, PeftAdapter.WeightsFile), config, model, torch.CPU);
        using var expected = new MemoryStream();
        GgufLora.Write(expected, model, config, weights, "gguf-export-v1");
        Assert.Equal(expected.ToArray(), await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Download_GgufOfAChangedBase_IsRefused()
    {
        await world.PublishAsync("gguf-other-base", "llama3", "llama3-lora");
        await world.Api.WithDatabaseAsync(database => database.Database
            .ExecuteSqlAsync($"UPDATE Adapters SET BaseDigest = 'another' WHERE Name = 'gguf-other-base'", TestContext.Current.CancellationToken));

        using var response = await world.Api.Client.GetAsync("/adapters/gguf-other-base/versions/1/download?format=gguf", TestContext.Current.CancellationToken);

        await response.ProblemAsync(HttpStatusCode.Conflict, "other_base");
    }
}
