using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ContinualService.Domain.Adapters;
using ContinualService.Domain;
using ContinualService.Engine.Lora;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using TorchSharp;
using Xunit;

namespace ContinualService.Api.Tests.Adapters;

[Collection(ApiCollection.Name)]
public sealed class VersionTests(ApiWorld world)
{
    [Fact]
    public async Task Download_Peft_IsACompleteAndRepeatableZip()
    {
        var (client, adapter, sha256) = await PublishAsync();

        using var response = await client.GetAsync($"/adapters/{adapter}/versions/1/download?format=peft", TestContext.Current.CancellationToken);
        var bytes = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var again = await client.GetByteArrayAsync($"/adapters/{adapter}/versions/1/download", TestContext.Current.CancellationToken);

        Assert.Equal("application/zip", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal($"\"{sha256}\"", response.Headers.ETag?.Tag);
        Assert.Equal(sha256, response.Headers.GetValues("X-Adapter-Sha256").Single());
        Assert.Equal(bytes, again);
        using var zip = new ZipArchive(new MemoryStream(bytes));
        Assert.Equal(["README.md", "adapter_config.json", "adapter_model.safetensors", "slao.json"], zip.Entries.Select(entry => entry.FullName).Order(StringComparer.Ordinal));
        Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(await ReadAsync(zip, "adapter_model.safetensors"))));
        var config = JsonNode.Parse(await ReadAsync(zip, "adapter_config.json"))!;
        Assert.Equal("LORA", (string?)config["peft_type"]);
        Assert.Equal(["q_proj"], config["target_modules"]!.AsArray().Select(name => (string?)name));
        Assert.Equal(1, (int)JsonNode.Parse(await ReadAsync(zip, "slao.json"))!["i"]!);
    }

    [Fact]
    public async Task Download_KnownETag_IsNotModified()
    {
        var (client, adapter, sha256) = await PublishAsync();
        client.DefaultRequestHeaders.Add("If-None-Match", $"\"{sha256}\"");

        using var response = await client.GetAsync($"/adapters/{adapter}/versions/1/download?format=peft", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.NotModified, response.StatusCode);
    }

    [Fact]
    public async Task Version_KnownETag_IsNotModified()
    {
        var (client, adapter, _) = await PublishAsync();
        using var first = await client.GetAsync($"/adapters/{adapter}/versions/1", TestContext.Current.CancellationToken);
        Assert.Equal(1, (int)(await first.ReadAsync(HttpStatusCode.OK))["number"]!);

        client.DefaultRequestHeaders.Add("If-None-Match", first.Headers.ETag!.Tag);
        using var again = await client.GetAsync($"/adapters/{adapter}/versions/1", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
    }

    [Fact]
    public async Task Download_State_IsTheStoredFile()
    {
        var (client, adapter, _) = await PublishAsync();
        var version = await client.GetNodeAsync($"/adapters/{adapter}/versions/1");

        var bytes = await client.GetByteArrayAsync($"/adapters/{adapter}/versions/1/download?format=state", TestContext.Current.CancellationToken);

        Assert.Equal("the state", Encoding.UTF8.GetString(bytes));
        Assert.Equal(bytes.Length, (int)version["stateBytes"]!);
    }

    [Fact]
    public async Task Download_DamagedObject_SaysWhichAndWhatToDo()
    {
        var (client, adapter, sha256) = await PublishAsync();
        var path = world.Services.GetRequiredService<IObjectStore>().LocalPath(sha256)!;
        var whole = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        try
        {
            Replace([.. whole[..^1], (byte)(whole[^1] ^ 1)]);

            using var response = await client.GetAsync($"/adapters/{adapter}/versions/1/download?format=peft", TestContext.Current.CancellationToken);

            var problem = await response.ProblemAsync(HttpStatusCode.InternalServerError, "object_damaged");
            Assert.Contains(sha256, (string?)problem["detail"], StringComparison.Ordinal);
            Assert.Contains("Restore it from a backup", (string?)problem["detail"], StringComparison.Ordinal);
        }
        finally
        {
            // Other tests publish the same bytes.
            Replace(whole);
        }

        void Replace(byte[] bytes)
        {
            File.Delete(path);
            File.WriteAllBytes(path, bytes);
        }
    }

    [Fact]
    public async Task Download_OtherFormat_SaysWhichThereAre()
    {
        var (client, adapter, _) = await PublishAsync();

        using var response = await client.GetAsync($"/adapters/{adapter}/versions/1/download?format=onnx", TestContext.Current.CancellationToken);

        Assert.Contains("peft, merged, gguf, ollama, state", (string?)(await response.ProblemAsync(HttpStatusCode.BadRequest, "unsupported_format"))["detail"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_Shape_IsTheDocumentedOne()
    {
        var (client, adapter, sha256) = await PublishAsync();

        var version = (await client.GetNodeAsync($"/adapters/{adapter}/versions"))["data"]![0]!.AsObject();

        Assert.Equal(
            ["number", "sha256", "parent", "taskId", "mergePreviewId", "unlearned", "unlearningId", "taskIndex", "lambda", "schedule", "status", "gate", "override", "sizeBytes", "stateBytes", "metrics", "drift", "createdAt"], version.Select(member => member.Key));
        Assert.Equal(sha256, (string?)version["sha256"]);
        Assert.Equal(["averageAccuracy", "backwardTransfer", "forgetting"], version["metrics"]!.AsObject().Select(member => member.Key));
    }

    [Fact]
    public async Task Matrix_HasCellsSummaryAndFormulas_InEveryFormat()
    {
        var (client, adapter, _) = await PublishAsync();

        var matrix = await client.GetNodeAsync($"/adapters/{adapter}/matrix");
        var svg = await client.GetStringAsync($"/adapters/{adapter}/matrix?format=svg", TestContext.Current.CancellationToken);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/adapters/{adapter}/matrix") { Headers = { { "Accept", "text/csv" } } };
        using var csv = await client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(["tasks", "versions", "cells", "summary", "formulas"], matrix.AsObject().Select(member => member.Key));
        Assert.Equal("[0,1]", matrix["versions"]!.ToJsonString());
        Assert.Equal(["task", "version", "kind", "score", "n", "low", "high", "metric", "forgetting"], matrix["cells"]![0]!.AsObject().Select(member => member.Key));
        Assert.Equal(0.75, (double)matrix["summary"]!["averageAccuracy"]!);
        Assert.StartsWith("AA = ", (string?)matrix["formulas"]!["averageAccuracy"], StringComparison.Ordinal);
        var lines = (await csv.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Split("\r\n");
        Assert.StartsWith("F[i,t] = ", (string?)matrix["formulas"]!["taskForgetting"], StringComparison.Ordinal);
        Assert.Equal(-0.5, (double)matrix["cells"]![1]!["forgetting"]!);
        Assert.Null(matrix["cells"]![0]!["forgetting"]);
        Assert.Equal("task,name,version,kind,score,n,low,high,metric,forgetting", lines[0]);
        Assert.Contains(",\"a, \"\"b\"\" <c>\",1,learned,0.75,4,0.5,1,exact_match,-0.5", lines[2], StringComparison.Ordinal);
        Assert.StartsWith("<svg", svg, StringComparison.Ordinal);
        Assert.Contains("75.0", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("<c>", svg, StringComparison.Ordinal);
        _ = System.Xml.Linq.XDocument.Parse(svg);
    }

    [Fact]
    public async Task Matrix_OfLosses_TurnsTheirSign()
    {
        var (client, adapter, _) = await PublishAsync("loss");

        var matrix = await client.GetNodeAsync($"/adapters/{adapter}/matrix");

        var cell = matrix["cells"]![1]!;
        Assert.Equal((-0.75, -1.0, -0.5), ((double)cell["score"]!, (double)cell["low"]!, (double)cell["high"]!));
        Assert.Equal(-0.75, (double)matrix["summary"]!["averageAccuracy"]!);
    }

    [Fact]
    public async Task Matrix_OfANewAdapter_IsEmpty()
    {
        var client = await world.CreateTenantAsync();
        using var made = await client.PostTextAsync("/adapters", """{"name": "new"}""");
        await made.ReadAsync(HttpStatusCode.Created);

        var matrix = await client.GetNodeAsync("/adapters/new/matrix");

        Assert.Equal("[0]", matrix["versions"]!.ToJsonString());
        Assert.Empty(matrix["cells"]!.AsArray());
        _ = System.Xml.Linq.XDocument.Parse(await client.GetStringAsync("/adapters/new/matrix?format=svg", TestContext.Current.CancellationToken));
    }

    /// <summary>An adapter with one version and its scores, written as a finished run would.</summary>
    private async Task<(HttpClient Client, string Adapter, string Sha256)> PublishAsync(string metric = "exact_match")
    {
        var client = await world.CreateTenantAsync();
        using var submitted = await client.PostNodeAsync("/tasks", new JsonObject { ["name"] = "a, \"b\" <c>", ["examples"] = Http.Examples() });
        var task = await submitted.ReadAsync(HttpStatusCode.Accepted);
        var (taskId, adapterId) = ((string)task["id"]!, (string)task["adapter"]!);
        var store = world.Services.GetRequiredService<IObjectStore>();
        var weights = await store.PutIfAbsentAsync(new MemoryStream(Weights()), TestContext.Current.CancellationToken);
        var state = await store.PutIfAbsentAsync(new MemoryStream("the state"u8.ToArray()), TestContext.Current.CancellationToken);
        await world.WithDatabaseAsync(async database =>
        {
            database.Versions.Add(new AdapterVersion
            {
                Id = Ids.New("ver"),
                AdapterId = adapterId,
                Number = 1,
                Sha256 = weights.Sha256,
                StateSha256 = state.Sha256,
                TaskId = taskId,
                TaskIndex = 1,
                Lambda = 1,
                SizeBytes = weights.SizeBytes,
                StateBytes = state.SizeBytes,
                CreatedAt = DateTimeOffset.UnixEpoch,
            });
            foreach (var (version, score) in new[] { (0, 0.25), (1, 0.75) })
            {
                database.MatrixCells.Add(new AdapterMatrixCell
                {
                    AdapterId = adapterId,
                    VersionNumber = version,
                    TaskId = taskId,
                    Score = score,
                    Count = 4,
                    Low = score - 0.25,
                    High = score + 0.25,
                    Metric = metric,
                    Forgetting = version == 0 ? null : -0.5,
                });
            }

            (await database.Adapters.SingleAsync(row => row.Id == adapterId)).HeadVersion = 1;
            return await database.SaveChangesAsync();
        });
        return (client, adapterId, weights.Sha256);
    }

    private static byte[] Weights()
    {
        var path = Path.GetTempFileName();
        try
        {
            using var a = torch.ones(2, 16);
            using var b = torch.zeros(32, 2);
            const string Prefix = "base_model.model.model.layers.0.self_attn.q_proj";
            SafetensorsWriter.Write(path, new Dictionary<string, torch.Tensor> { [Prefix + ".lora_A.weight"] = a, [Prefix + ".lora_B.weight"] = b });
            return File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<byte[]> ReadAsync(ZipArchive zip, string name)
    {
        await using var stream = await zip.GetEntry(name)!.OpenAsync(TestContext.Current.CancellationToken);
        using var buffer = new MemoryStream();
        await stream.CopyToAsync(buffer, TestContext.Current.CancellationToken);
        return buffer.ToArray();
    }
}
