using System.IO.Compression;
using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests.Adapters;

/// <summary>An adapter that leaves the service and comes back goes on learning.</summary>
public sealed class MovedAdapterTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task NextTask_OfAMovedAdapter_GivesTheVersionItWouldHaveGivenHere()
    {
        await using var world = new ApiWorld(new Dictionary<string, string> { ["Limits:MaxUploadBytes"] = "2000000" }, runsTasks: true);
        await CreateAsync(world, "stays");
        await LearnAsync(world, "stays", "first");
        var peft = await world.Client.GetByteArrayAsync("/adapters/stays/versions/1/download", Token);
        var state = await world.Client.GetByteArrayAsync("/adapters/stays/versions/1/download?format=state", Token);

        await ImportAsync(world, "moved", peft, state);
        await ImportAsync(world, "weights-alone", peft, null);
        foreach (var name in new[] { "stays", "moved", "weights-alone" }) await LearnAsync(world, name, "second");

        var (stayed, moved, alone) = (await VersionAsync(world, "stays", 2), await VersionAsync(world, "moved", 2), await VersionAsync(world, "weights-alone", 2));
        Assert.Equal((string?)stayed["sha256"], (string?)moved["sha256"]);
        Assert.Equal((string?)stayed["stateSha256"], (string?)moved["stateSha256"]);
        // After one task the merged B is the tuned B: the weights alone say it all.
        Assert.Equal((string?)stayed["sha256"], (string?)alone["sha256"]);
        Assert.Equal((2, 1 / Math.Sqrt(2), 1), ((int)moved["taskIndex"]!, (double)moved["lambda"]!, (int)moved["parent"]!));
        // What came from elsewhere has no task here; the matrix begins with the one that was learned here.
        var matrix = await world.Client.GetNodeAsync("/adapters/moved/matrix");
        Assert.Equal(["second"], matrix["tasks"]!.AsArray().Select(task => (string?)task!["name"]));
        Assert.Equal([0, 2], matrix["versions"]!.AsArray().Select(number => (int)number!));
        Assert.Equal([0, 2], matrix["cells"]!.AsArray().Select(cell => (int)cell!["version"]!).Order());
        Assert.NotNull((double?)moved["metrics"]!["averageAccuracy"]);
        Assert.Null((double?)moved["metrics"]!["forgetting"]);
    }

    [Theory]
    [InlineData("o-lora", "{}", 8)] // two tasks side by side
    [InlineData("lorac-ipc", "{\"freeze\": 0.5}", 8)]
    [InlineData("c-lora", "{}", 4)]
    [InlineData("slao", "{\"merge\": \"ftba-mba\"}", 4)]
    public async Task Exports_OfAnyMethod_LeaveAndComeBack(string method, string options, int rank)
    {
        await using var world = new ApiWorld(new Dictionary<string, string> { ["Limits:MaxUploadBytes"] = "8000000" }, runsTasks: true);
        await CreateAsync(world, "stays", method, options);
        await LearnAsync(world, "stays", "first");
        await LearnAsync(world, "stays", "second");

        Dictionary<string, byte[]> exports = [];
        foreach (var format in new[] { "peft", "gguf", "ollama", "merged", "state" }) exports[format] = await world.Client.GetByteArrayAsync($"/adapters/stays/versions/2/download?format={format}", Token);
        using (var answer = await world.Client.PostNodeAsync("/v1/completions", new JsonObject { ["model"] = "stays", ["prompt"] = "red", ["max_tokens"] = 4 })) await answer.ReadAsync(HttpStatusCode.OK);
        await ImportAsync(world, "moved", exports["peft"], exports["state"]);
        foreach (var name in new[] { "stays", "moved" }) await LearnAsync(world, name, "third");

        Assert.Equal(rank, (int)Text(exports["peft"], "adapter_config.json")["r"]!);
        Assert.Equal(method, (string?)Text(exports["peft"], "slao.json")["method"]);
        Assert.True(JsonNode.DeepEquals(options == "{}" ? null : JsonNode.Parse(options), Text(exports["peft"], "slao.json")["method_options"]));
        var adapter = await world.Client.GetNodeAsync("/adapters/moved");
        Assert.Equal((method, 4, 3), ((string?)adapter["method"], (int)adapter["rank"]!, (int)adapter["taskCount"]!));
        Assert.Equal((await world.Client.GetNodeAsync("/adapters/stays"))["methodOptions"]!.ToJsonString(), adapter["methodOptions"]!.ToJsonString());
        var (stayed, moved) = (await VersionAsync(world, "stays", 3), await VersionAsync(world, "moved", 2));
        Assert.Equal(((string?)stayed["sha256"], (string?)stayed["stateSha256"]), ((string?)moved["sha256"], (string?)moved["stateSha256"]));
    }

    [Fact]
    public async Task Import_WithoutTheStateThatTheMethodNeeds_IsRefused()
    {
        await using var world = new ApiWorld(new Dictionary<string, string> { ["Limits:MaxUploadBytes"] = "8000000" }, runsTasks: true);
        await CreateAsync(world, "stays", "ewc", "{}");
        await LearnAsync(world, "stays", "first");
        var peft = await world.Client.GetByteArrayAsync("/adapters/stays/versions/1/download", Token);

        using var refused = await SendAsync(world, "moved", peft, null);
        using var otherwise = await SendAsync(world, "moved", peft, null, ("method", "soup"));
        using var optionsAlone = await SendAsync(world, "again", peft, null, ("methodOptions", "{\"lambda\": 1}"));
        using var badOption = await SendAsync(world, "again", peft, null, ("method", "slao"), ("methodOptions", "{\"init\": \"zero\"}"));

        Assert.Contains("format=state", (await refused.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("soup", (string?)(await otherwise.ReadAsync(HttpStatusCode.Created))["method"]);
        Assert.Equal(["methodOptions"], (await optionsAlone.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
        Assert.Equal(["methodOptions.init"], (await badOption.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
    }

    [Fact]
    public async Task Import_OfTheStateOfAnotherVersion_IsRefused()
    {
        await using var world = new ApiWorld(new Dictionary<string, string> { ["Limits:MaxUploadBytes"] = "2000000" }, runsTasks: true);
        await CreateAsync(world, "stays");
        await LearnAsync(world, "stays", "first");
        await LearnAsync(world, "stays", "second");
        var peft = await world.Client.GetByteArrayAsync("/adapters/stays/versions/1/download", Token);
        var state = await world.Client.GetByteArrayAsync("/adapters/stays/versions/2/download?format=state", Token);

        using var response = await SendAsync(world, "mixed", peft, state);
        using var contrary = await SendAsync(world, "mixed", await world.Client.GetByteArrayAsync("/adapters/stays/versions/2/download", Token), state, ("tasksLearned", "5"));

        Assert.Contains("other weights", (await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).ToJsonString(), StringComparison.Ordinal);
        Assert.Contains("has learned 2 tasks", (await contrary.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).ToJsonString(), StringComparison.Ordinal);
    }

    private static JsonNode Text(byte[] zip, string name)
    {
        using var archive = new ZipArchive(new MemoryStream(zip));
        using var entry = archive.GetEntry(name)!.Open();
        return JsonNode.Parse(entry)!;
    }

    private static async Task CreateAsync(ApiWorld world, string name, string method = "slao", string options = "{}")
    {
        using var response = await world.Client.PostNodeAsync("/adapters", new JsonObject { ["name"] = name, ["rank"] = 4, ["method"] = method, ["methodOptions"] = JsonNode.Parse(options) });
        await response.ReadAsync(HttpStatusCode.Created);
    }

    private static async Task<JsonNode> VersionAsync(ApiWorld world, string adapter, int number)
    {
        var version = await world.Client.GetNodeAsync($"/adapters/{adapter}/versions/{number}");
        using var state = await world.Client.GetAsync($"/adapters/{adapter}/versions/{number}/download?format=state", Token);
        version["stateSha256"] = state.Headers.ETag!.Tag;
        return version;
    }

    private static async Task ImportAsync(ApiWorld world, string name, byte[] peft, byte[]? state)
    {
        using var response = await SendAsync(world, name, peft, state);
        await response.ReadAsync(HttpStatusCode.Created);
    }

    private static Task<HttpResponseMessage> SendAsync(ApiWorld world, string name, byte[] peft, byte[]? state, params (string Name, string Value)[] fields)
    {
        var form = new MultipartFormDataContent { { new StringContent(name), "name" }, { new ByteArrayContent(peft), "file", "adapter.zip" } };
        if (state is not null) form.Add(new ByteArrayContent(state), "state", "state.safetensors");
        foreach (var (field, value) in fields) form.Add(new StringContent(value), field);
        return world.Client.PostAsync("/adapters/import", form, Token);
    }

    private static async Task LearnAsync(ApiWorld world, string adapter, string name)
    {
        using var taken = await world.Client.PostNodeAsync("/tasks", new JsonObject
        {
            ["adapter"] = adapter,
            ["name"] = name,
            ["examples"] = Http.Examples(),
            ["evaluation"] = new JsonObject { ["fraction"] = 0.2 },
            ["hyperparameters"] = new JsonObject { ["epochs"] = 1, ["seed"] = name.Length },
        });
        var id = (string)(await taken.ReadAsync(HttpStatusCode.Accepted))["id"]!;
        string? status;
        while ((status = (string?)(await world.Client.GetNodeAsync($"/tasks/{id}"))["status"]) is "queued" or "running") await Task.Delay(100, Token);
        Assert.Equal("succeeded", status);
    }
}
