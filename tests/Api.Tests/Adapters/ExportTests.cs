using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Text.Json.Nodes;
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
    public async Task Download_Merged_IsABaseThatAnswersAsTheVersion()
    {
        var sha256 = await world.PublishAsync("merged-export", "llama2", "llama2-lora");
        using var response = await world.Api.Client.GetAsync("/adapters/merged-export/versions/1/download?format=merged", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(sha256, response.Headers.GetValues("X-Adapter-Sha256").Single());
        Assert.Equal("merged-export-v1.tar", response.Content.Headers.ContentDisposition?.FileName);
        Assert.Equal("application/x-tar", response.Content.Headers.ContentType?.MediaType);
        var tar = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.Equal(tar.Length, response.Content.Headers.ContentLength);

        var folder = Directory.CreateTempSubdirectory("merged").FullName;
        try
        {
            await TarFile.ExtractToDirectoryAsync(new MemoryStream(tar), folder, overwriteFiles: false, TestContext.Current.CancellationToken);

            using var scope = torch.NewDisposeScope();
            using var merged = BaseModel.Load(folder, torch.CPU, torch.ScalarType.Float32);
            var expected = ServingWorld.Case("llama2", "llama2-lora")["logits"]!.AsArray().SelectMany(row => row!.AsArray().Select(value => (float)value!)).ToArray();
            var prompt = torch.tensor(ServingWorld.Prompt.Select(id => (long)id).ToArray(), torch.int64).unsqueeze(0);
            var logits = merged.Decoder.Logits(merged.Decoder.Hidden(prompt)).view(-1);
            Assert.InRange(logits.sub(torch.tensor(expected)).abs().max().item<float>(), 0f, 1e-4f);
            Assert.Contains("\nFROM .\n", await File.ReadAllTextAsync(Path.Combine(folder, "Modelfile"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
            Assert.Equal(sha256, (string?)JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "slao.json"), TestContext.Current.CancellationToken))!["sha256"]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("", "llama3")]
    [InlineData("&from=llama3.2:1b-instruct-fp16", "llama3.2:1b-instruct-fp16")]
    public async Task Download_Ollama_IsTheLoraWithItsModelfile(string query, string from)
    {
        var name = $"ollama{query.Length}";
        var sha256 = await world.PublishAsync(name, "llama3", "llama3-lora");

        using var response = await world.Api.Client.GetAsync($"/adapters/{name}/versions/1/download?format=ollama{query}", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal($"{name}-v1-ollama.zip", response.Content.Headers.ContentDisposition?.FileName);
        await using var zip = new ZipArchive(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Equal(["Modelfile", $"{name}-v1.gguf"], zip.Entries.Select(entry => entry.FullName));
        using var reader = new StreamReader(await zip.Entries[0].OpenAsync(TestContext.Current.CancellationToken));
        var modelfile = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal([$"FROM {from}", $"ADAPTER ./{name}-v1.gguf"], modelfile.Split('\n').Where(line => line.Length > 0 && line[0] != '#'));
        Assert.Contains(sha256, modelfile, StringComparison.Ordinal);
        var gguf = await world.Api.Client.GetByteArrayAsync($"/adapters/{name}/versions/1/download?format=gguf", TestContext.Current.CancellationToken);
        using var packed = new MemoryStream();
        await using (var entry = await zip.Entries[1].OpenAsync(TestContext.Current.CancellationToken)) await entry.CopyToAsync(packed, TestContext.Current.CancellationToken);
        Assert.Equal(gguf, packed.ToArray());
    }

    [Fact]
    public async Task Download_OllamaFromANameWithALineBreak_IsRefused()
    {
        await world.PublishAsync("ollama-bad", "llama3", "llama3-lora");

        using var response = await world.Api.Client.GetAsync("/adapters/ollama-bad/versions/1/download?format=ollama&from=base%0ASYSTEM%20evil", TestContext.Current.CancellationToken);

        var problem = await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        Assert.Contains("from", problem.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("peft", true)]
    [InlineData("merged", false)]
    [InlineData("gguf", true)]
    [InlineData("ollama", true)]
    [InlineData("state", true)]
    public async Task Download_HeadAndRange_AreWhatADownloadToolExpects(string format, bool inParts)
    {
        var (client, name) = (world.Api.Client, $"{format}-in-parts");
        await world.PublishAsync(name, "llama3", "llama3-lora");
        var path = $"/adapters/{name}/versions/1/download?format={format}";
        var token = TestContext.Current.CancellationToken;
        using var whole = await client.GetAsync(path, token);
        var bytes = await whole.Content.ReadAsByteArrayAsync(token);

        using var head = await client.SendAsync(new HttpRequestMessage(HttpMethod.Head, path), token);
        using var part = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Range = new(2, 5), IfRange = new(head.Headers.ETag!) } }, token);

        Assert.Equal((HttpStatusCode.OK, bytes.Length), (head.StatusCode, (int)head.Content.Headers.ContentLength!));
        Assert.Equal((whole.Headers.ETag, whole.Content.Headers.ContentDisposition), (head.Headers.ETag, head.Content.Headers.ContentDisposition));
        Assert.Empty(await head.Content.ReadAsByteArrayAsync(token));
        Assert.Equal([inParts ? "bytes" : "none"], head.Headers.AcceptRanges);
        Assert.Equal(inParts ? HttpStatusCode.PartialContent : HttpStatusCode.OK, part.StatusCode);
        Assert.Equal(inParts ? bytes[2..6] : bytes, await part.Content.ReadAsByteArrayAsync(token));
    }

    [Theory]
    [InlineData("gguf")]
    [InlineData("merged")]
    [InlineData("ollama")]
    public async Task Download_OfAChangedBase_IsRefused(string format)
    {
        var name = $"{format}-other-base";
        await world.PublishAsync(name, "llama3", "llama3-lora");
        await world.Api.WithDatabaseAsync(database => database.Database
            .ExecuteSqlAsync($"UPDATE Adapters SET BaseDigest = 'another' WHERE Name = {name}", TestContext.Current.CancellationToken));

        using var response = await world.Api.Client.GetAsync($"/adapters/{name}/versions/1/download?format={format}", TestContext.Current.CancellationToken);

        await response.ProblemAsync(HttpStatusCode.Conflict, "other_base");
    }
}
