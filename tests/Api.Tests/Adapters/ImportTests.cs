using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using ContinualService.Api.Tests.OpenAi;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.TestKit;
using Microsoft.EntityFrameworkCore;
using TorchSharp;
using Xunit;

namespace ContinualService.Api.Tests.Adapters;

/// <summary>LoRAs from elsewhere, over the conformance models.</summary>
public sealed class ImportTests(ImportTests.World world) : IClassFixture<ImportTests.World>
{
    private const string Config = PeftAdapter.ConfigFile;
    private const string Weights = PeftAdapter.WeightsFile;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private HttpClient Client => world.Api.Client;

    public static TheoryData<string, string> Adapted => new() { { "llama2", "llama2-lora" }, { "llama3", "llama3-lora-qv-rs" }, { "qwen2", "qwen2-lora" } };

    [Theory]
    [MemberData(nameof(Adapted))]
    public async Task Import_OfAPeftFolder_ServesWhatPeftComputes(string model, string folder)
    {
        var name = $"computes-{folder}";

        using var response = await ImportAsync(name, Zip(Files(folder)), ("model", model), ("tasksLearned", "3"));

        var adapter = await response.ReadAsync(HttpStatusCode.Created);
        Assert.Equal($"/adapters/{(string?)adapter["id"]}", response.Headers.Location?.ToString());
        Assert.Equal((name, model, 1, 3, 1), ((string?)adapter["name"], (string?)adapter["model"], (int)adapter["headVersion"]!, (int)adapter["taskCount"]!, (int)adapter["aliases"]!["live"]!));
        await using var peft = new ZipArchive(await Client.GetStreamAsync($"/adapters/{name}/versions/1/download", Token));
        var unpacked = Directory.CreateTempSubdirectory("peft-").FullName;
        try
        {
            await peft.ExtractToDirectoryAsync(unpacked, Token);
            using var scope = torch.NewDisposeScope();
            using var decoder = Engine.Models.Decoder.Load(Shared.Folder($"conformance/models/{model}"), ModelConfig.Load(Shared.Folder($"conformance/models/{model}")), torch.CPU, torch.ScalarType.Float32);
            using var lora = PeftAdapter.Load(unpacked, decoder).Weights;
            var logits = decoder.Logits(decoder.Hidden(torch.tensor(ServingWorld.Prompt.Select(id => (long)id).ToArray(), torch.int64).unsqueeze(0), lora)).view(-1);
            var expected = ServingWorld.Case(model, folder)["logits"]!.AsArray().SelectMany(row => row!.AsArray().Select(value => (float)value!)).ToArray();
            Assert.InRange(logits.sub(torch.tensor(expected)).abs().max().item<float>(), 0f, 1e-4f);
        }
        finally
        {
            Directory.Delete(unpacked, recursive: true);
        }
    }

    [Fact]
    public async Task Import_OfAnExport_KeepsDigestMethodAndTasks()
    {
        using var first = await ImportAsync("exported", Zip(Files("llama2-lora")), ("tasksLearned", "7"), ("method", "seqlora"));
        await first.ReadAsync(HttpStatusCode.Created);
        using var download = await Client.GetAsync("/adapters/exported/versions/1/download", Token);
        var zip = await download.Content.ReadAsByteArrayAsync(Token);

        using var second = await ImportAsync("imported-again", zip);

        var adapter = await second.ReadAsync(HttpStatusCode.Created);
        Assert.Equal(("seqlora", 7), ((string?)adapter["method"], (int)adapter["taskCount"]!));
        var version = await Client.GetNodeAsync("/adapters/imported-again/versions/1");
        Assert.Equal(download.Headers.GetValues("X-Adapter-Sha256").Single(), (string?)version["sha256"]);
        Assert.Null((string?)version["taskId"]);
        Assert.Equal((7, 1.0, "published"), ((int)version["taskIndex"]!, (double)version["lambda"]!, (string?)version["status"]));
        var move = (await Client.GetNodeAsync("/adapters/imported-again/aliases"))["data"]![0]!;
        Assert.StartsWith("key_", (string?)move["actor"], StringComparison.Ordinal);
        Assert.Empty((await Client.GetNodeAsync("/adapters/imported-again/matrix"))["tasks"]!.AsArray());
        Assert.Equal("adapter.import", await world.Api.WithDatabaseAsync(database => database.Audit.Where(row => row.Subject == (string?)adapter["id"]).Select(row => row.Action).SingleAsync(Token)));
    }

    [Fact]
    public async Task Import_OfHalfPrecision_StoresFloat32()
    {
        var files = Files("llama2-lora");
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(path, files[Weights], Token);
            using var scope = torch.NewDisposeScope();
            using var halves = new MemoryStream();
            using (var file = SafetensorsFile.Open(path)) SafetensorsWriter.Write(halves, file.Names.ToDictionary(name => name, name => file.Read(name).to(torch.bfloat16)));
            files[Weights] = halves.ToArray();
        }
        finally
        {
            File.Delete(path);
        }

        using var response = await ImportAsync("halves", Zip(files));

        await response.ReadAsync(HttpStatusCode.Created);
        Assert.InRange((long)(await Client.GetNodeAsync("/adapters/halves/versions/1"))["sizeBytes"]!, 2L * files[Weights].Length * 9 / 10, 2L * files[Weights].Length);
    }

    [Fact]
    public async Task Import_OfAFolderInAZip_TakesTheFilesInIt()
    {
        var files = Files("llama2-lora").ToDictionary(file => "my-adapter/" + file.Key, file => file.Value);
        files["my-adapter/../../escape.txt"] = "never written"u8.ToArray();

        using var response = await ImportAsync("in-a-folder", Zip(files));

        await response.ReadAsync(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Import_OfANameThatIsTaken_IsRefusedAndChangesNothing()
    {
        using var first = await ImportAsync("taken", Zip(Files("llama2-lora")));
        await first.ReadAsync(HttpStatusCode.Created);

        using var second = await ImportAsync("taken", Zip(Files("llama2-lora")));

        await second.ProblemAsync(HttpStatusCode.Conflict, "name_taken");
        Assert.Single((await Client.GetNodeAsync("/adapters/taken/versions"))["data"]!.AsArray());
    }

    public static TheoryData<string, string, string, string> OtherBases => new()
    {
        { "\"base_model_name_or_path\": \"meta-llama/Llama-2-7b\"", "", "other_base", "sameBase=true" },
        { "\"base_model_name_or_path\": null", "", "other_base", "names no base model" },
        { "\"base_model_name_or_path\": \"llama2\", \"revision\": \"a1b2\"", "", "other_base", "revision 'a1b2'" },
        { "\"base_model_name_or_path\": \"llama2\"", """{"base_digest": "00"}""", "other_base", "digest 00" },
    };

    [Theory]
    [MemberData(nameof(OtherBases))]
    public async Task Import_OfAnotherBase_IsRefused(string said, string facts, string code, string detail)
    {
        var files = Edited("\"base_model_name_or_path\": \"llama2\"", said);
        if (said.Contains("revision", StringComparison.Ordinal)) files[Config] = Replace(files[Config], "\"revision\": null,", "");
        if (facts.Length > 0) files[PeftAdapter.FactsFile] = Encoding.UTF8.GetBytes(facts);

        using var response = await ImportAsync("other-base", Zip(files));

        var problem = await response.ProblemAsync(HttpStatusCode.Conflict, code);
        Assert.Contains(detail, (string?)problem["detail"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_WithSameBase_TakesAnotherName()
    {
        using var response = await ImportAsync("same-base", Zip(Edited("\"base_model_name_or_path\": \"llama2\"", "\"base_model_name_or_path\": \"org/elsewhere\"")), ("sameBase", "true"));

        await response.ReadAsync(HttpStatusCode.Created);
    }

    public static TheoryData<string, string, string> BadConfigs => new()
    {
        { "\"use_dora\": false", "\"use_dora\": true", "DoRA" },
        { "\"bias\": \"none\"", "\"bias\": \"all\"", "bias" },
        { "\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]", "modules_to_save" },
        { "\"r\": 8", "\"r\": 9", "[9," },
        { "\"r\": 8", "\"r\": 5000", "at most 1024" },
        { "\"lora_alpha\": 16", "\"lora_alpha\": -1", "out of range" },
        { "\"rank_pattern\": {}", "\"rank_pattern\": {\"q_proj\": 4}", "[4," },
        { "\"peft_type\": \"LORA\"", "\"peft_type\": \"LORA\", \"new_thing\": 1", "new_thing" },
    };

    [Theory]
    [MemberData(nameof(BadConfigs))]
    public async Task Import_OfWhatIsNotComputed_IsRefusedWithTheReason(string before, string after, string reason)
    {
        using var response = await ImportAsync("bad-config", Zip(Edited(before, after)));

        var text = (await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).ToJsonString();
        Assert.Contains(JsonValue.Create(reason).ToJsonString().Trim('"'), text, StringComparison.Ordinal);
        Assert.DoesNotContain(Path.GetTempPath(), text, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> BadZips => new()
    {
        { "no zip", "no zip" }, { "no config", "no adapter_config.json" }, { "no weights", "no adapter_model.safetensors" }, { "two adapters", "2 files" }, { "too deep", "no adapter_config.json" },
        { "bomb", "more than" }, { "damaged", "damaged" }, { "flipped bit", "damaged" }, { "not finite", "not finite" }, { "foreign facts", "other weights" }, { "facts no json", "no JSON object" },
    };

    [Theory]
    [MemberData(nameof(BadZips))]
    public async Task Import_OfABadZip_IsRefusedWithTheReason(string what, string reason)
    {
        var files = Files("llama2-lora");
        var zip = what switch
        {
            "no zip" => "PK, but not really"u8.ToArray(),
            "no config" => Zip(files.Where(file => file.Key != Config)),
            "no weights" => Zip(files.Where(file => file.Key != Weights)),
            "two adapters" => Zip(files.SelectMany(file => new[] { KeyValuePair.Create("a/" + file.Key, file.Value), KeyValuePair.Create("b/" + file.Key, file.Value) })),
            "too deep" => Zip(files.ToDictionary(file => "a/b/" + file.Key, file => file.Value)),
            "bomb" => Zip(With(files, Weights, new byte[40 << 20]), CompressionLevel.SmallestSize),
            "damaged" => Damaged(files),
            "flipped bit" => Flipped(files),
            "not finite" => Zip(With(files, Weights, NotFinite(files[Weights]))),
            "foreign facts" => Zip(With(files, PeftAdapter.FactsFile, """{"sha256": "00"}"""u8.ToArray())),
            _ => Zip(With(files, PeftAdapter.FactsFile, "{"u8.ToArray())),
        };

        using var response = await ImportAsync("bad-zip", zip);

        var problem = await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        Assert.Contains(reason, problem.ToJsonString(), StringComparison.Ordinal);
        using var nothing = await Client.GetAsync("/adapters/bad-zip", Token);
        Assert.Equal(HttpStatusCode.NotFound, nothing.StatusCode);
    }

    [Fact]
    public async Task Import_WithBadFields_NamesEach()
    {
        using var response = await Client.PostAsync(
            "/adapters/import",
            new MultipartFormDataContent { { new StringContent("a/b"), "name" }, { new StringContent("0"), "tasksLearned" }, { new StringContent("magic"), "method" }, { new StringContent("yes"), "sameBase" } },
            Token);

        var problem = await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        Assert.Equal(["file", "method", "name", "sameBase", "tasksLearned"], problem["errors"]!.AsArray().Select(error => (string?)error!["field"]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Import_OfAnotherTenant_StaysTheirs()
    {
        using var other = await world.Api.CreateTenantAsync();
        using var response = await other.PostFileAsync("/adapters/import", Zip(Files("llama2-lora")), "adapter.zip", ("name", "theirs"));
        await response.ReadAsync(HttpStatusCode.Created);

        using var mine = await Client.GetAsync("/adapters/theirs", Token);

        Assert.Equal(HttpStatusCode.NotFound, mine.StatusCode);
    }

    private Task<HttpResponseMessage> ImportAsync(string name, byte[] zip, params (string, string)[] fields) =>
        Client.PostFileAsync("/adapters/import", zip, "adapter.zip", [("name", name), .. fields]);

    private static Dictionary<string, byte[]> Files(string folder) =>
        new[] { Config, Weights }.ToDictionary(name => name, name => File.ReadAllBytes(Path.Combine(Shared.Folder($"conformance/models/{folder}"), name)));

    private static Dictionary<string, byte[]> Edited(string before, string after)
    {
        var files = Files("llama2-lora");
        files[Config] = Replace(files[Config], before, after);
        return files;
    }

    private static byte[] Replace(byte[] text, string before, string after)
    {
        var old = Encoding.UTF8.GetString(text);
        Assert.Contains(before, old, StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes(old.Replace(before, after, StringComparison.Ordinal));
    }

    private static Dictionary<string, byte[]> With(Dictionary<string, byte[]> files, string name, byte[] content)
    {
        files[name] = content;
        return files;
    }

    private static byte[] NotFinite(byte[] weights)
    {
        BitConverter.GetBytes(float.NaN).CopyTo(weights, weights.Length - sizeof(float));
        return weights;
    }

    /// <summary>A deflated entry whose middle is another one's.</summary>
    private static byte[] Damaged(Dictionary<string, byte[]> files)
    {
        var zip = Zip(files, CompressionLevel.SmallestSize);
        zip.AsSpan(zip.Length / 2, 64).Fill(0xff);
        return zip;
    }

    /// <summary>A weight of a stored entry with another last bit.</summary>
    private static byte[] Flipped(Dictionary<string, byte[]> files)
    {
        var zip = Zip(files);
        zip[zip.Length / 2 / 4 * 4] ^= 1;
        return zip;
    }

    private static byte[] Zip(IEnumerable<KeyValuePair<string, byte[]>> files, CompressionLevel level = CompressionLevel.NoCompression)
    {
        using var buffer = new MemoryStream();
        using (var zip = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                using var entry = zip.CreateEntry(name, level).Open();
                entry.Write(content);
            }
        }

        return buffer.ToArray();
    }

    /// <summary>The service over the conformance models, with room for uploads of weights.</summary>
    public sealed class World : IAsyncDisposable
    {
        public ApiWorld Api { get; } = new(new Dictionary<string, string>
        {
            ["Models:Root"] = Shared.Folder("conformance/models"),
            ["Models:Default"] = "llama2",
            ["Limits:MaxUploadBytes"] = "2000000",
        });

        public ValueTask DisposeAsync() => Api.DisposeAsync();
    }
}
