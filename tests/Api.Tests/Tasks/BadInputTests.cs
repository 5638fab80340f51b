using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Api.Tests.Tasks;

[Collection(ApiCollection.Name)]
public sealed class BadInputTests(ApiWorld world)
{
    [Fact]
    public async Task Submit_MalformedJsonl_NamesTheLine()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostRowsAsync("/tasks", Http.Rows + "\n{\"prompt\": \"cut", ("name", "broken"));

        var problem = await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_data");
        Assert.Equal(11, (int)problem["errors"]![0]!["line"]!);
        Assert.False(string.IsNullOrEmpty((string?)problem["errors"]![0]!["reason"]));
        Assert.False(string.IsNullOrEmpty((string?)problem["errors"]![0]!["mend"]));
    }

    [Fact]
    public async Task Submit_MixedFormats_IsRefused()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostRowsAsync("/tasks", Http.Rows + "\n{\"text\": \"something else\"}");

        var problem = await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_data");
        Assert.Equal(11, (int)problem["errors"]![0]!["line"]!);
    }

    [Fact]
    public async Task Submit_EmptyFile_IsRefused()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostRowsAsync("/tasks", "");

        await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_data");
    }

    [Fact]
    public async Task Submit_WrongEncoding_IsRefused()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostFileAsync("/tasks", [.. Encoding.UTF8.GetBytes("{\"prompt\": \"caf"), 0xE9, .. Encoding.UTF8.GetBytes("\", \"completion\": \"x\"}")]);

        await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_data");
    }

    [Fact]
    public async Task Submit_RowOverTheContext_NamesItsLineInTheFile()
    {
        var client = await world.CreateTenantAsync();
        var rows = $"{Http.Rows}\n\n{{\"prompt\": \"{new string('x', 200)}\", \"completion\": \"even\"}}";

        using var response = await client.PostRowsAsync("/tasks", rows);

        var problem = await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_data");
        Assert.Equal(12, (int)problem["errors"]![0]!["line"]!);
        Assert.Equal(1, (int)problem["errorCount"]!);
    }

    [Fact]
    public async Task Submit_RowOverMaxSequenceLength_IsRefused()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples(), ["hyperparameters"] = new JsonObject { ["maxSequenceLength"] = 10 } });

        var problem = await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_data");
        Assert.Equal(10, (int)problem["errorCount"]!);
    }

    [Fact]
    public async Task Submit_ThousandBadRows_ListsHundredAndCountsAll()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostRowsAsync("/tasks", string.Join('\n', Enumerable.Repeat("{\"prompt\": 1}", 1000)));

        var problem = await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_data");
        Assert.Equal(100, problem["errors"]!.AsArray().Count);
        Assert.True((int)problem["errorCount"]! >= 1000);
    }

    [Fact]
    public async Task Submit_UnknownModel_NamesThoseThereAre()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostNodeAsync("/tasks", new JsonObject { ["model"] = "gpt-9", ["examples"] = Http.Examples() });

        var problem = await response.ProblemAsync(HttpStatusCode.BadRequest, "unknown_model");
        Assert.Contains("tiny", (string?)problem["detail"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../models/tiny")]
    [InlineData("..")]
    [InlineData("/etc")]
    public async Task Submit_ModelAsPath_IsUnknown(string model)
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostNodeAsync("/tasks", new JsonObject { ["model"] = model, ["examples"] = Http.Examples() });

        await response.ProblemAsync(HttpStatusCode.BadRequest, "unknown_model");
    }

    [Fact]
    public async Task Submit_UnknownFields_NamesEachAndTheAllowedOnes()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostNodeAsync("/tasks", new JsonObject
        {
            ["examples"] = Http.Examples(),
            ["epochs"] = 3,
            ["hyperparameters"] = new JsonObject { ["lr"] = 0.1 },
            ["evaluation"] = new JsonObject { ["share"] = 0.1 },
        });

        var problem = await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        Assert.Equal(["epochs", "hyperparameters.lr", "evaluation.share"], problem.Fields());
        Assert.Contains("learningRate", (string?)problem["errors"]![1]!["mend"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_WrongKindsAndRanges_ReportsAll()
    {
        var client = await world.CreateTenantAsync();

        using var kinds = await client.PostTextAsync("/tasks", """{"examples": "no", "hyperparameters": {"epochs": 2.5, "learningRate": "high", "schedule": "zigzag"}}""");
        using var ranges = await client.PostNodeAsync("/tasks", new JsonObject
        {
            ["examples"] = Http.Examples(),
            ["hyperparameters"] = new JsonObject { ["epochs"] = 0, ["learningRate"] = -1, ["dropout"] = 2.0 },
            ["evaluation"] = new JsonObject { ["fraction"] = 0.9, ["metric"] = "bleu" },
        });

        Assert.Equal(
            ["examples", "hyperparameters.epochs", "hyperparameters.learningRate", "hyperparameters.schedule", "examples"],
            (await kinds.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
        Assert.Equal(
            ["hyperparameters.learningRate", "hyperparameters.epochs", "hyperparameters.dropout", "evaluation.fraction", "evaluation.metric"],
            (await ranges.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
    }

    [Fact]
    public async Task Submit_AdapterOfAnotherBase_Conflicts()
    {
        var client = await world.CreateTenantAsync();
        using var made = await client.PostTextAsync("/adapters", """{"name": "one", "model": "tiny"}""");
        await made.ReadAsync(HttpStatusCode.Created);

        using var response = await client.PostNodeAsync("/tasks", new JsonObject { ["adapter"] = "one", ["model"] = "other", ["examples"] = Http.Examples() });

        await response.ProblemAsync(HttpStatusCode.Conflict, "other_base");
    }

    [Fact]
    public async Task Submit_UnknownAdapter_SaysHowToMakeOne()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostNodeAsync("/tasks", new JsonObject { ["adapter"] = "nobody", ["examples"] = Http.Examples() });

        var problem = await response.ProblemAsync(HttpStatusCode.NotFound, "not_found");
        Assert.Contains("POST /adapters", (string?)problem["detail"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"examples\": [")]
    [InlineData("[1, 2]")]
    [InlineData("")]
    [InlineData("{\"name\": \"a\", \"name\": \"b\"}")]
    [InlineData("{\"name\": \"\\ud800\"}")]
    [InlineData("{\"\\ud800\": 1}")]
    public async Task Submit_MalformedJson_IsRefused(string json)
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostTextAsync("/tasks", json);

        await response.ProblemAsync(HttpStatusCode.BadRequest, "malformed_body");
    }

    [Fact]
    public async Task Submit_BodyOverTheLimit_IsTooLarge()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostFileAsync("/tasks", new byte[512 * 1024]);

        await response.ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "body_too_large");
    }

    [Fact]
    public async Task Submit_OtherContentType_IsUnsupported()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostAsync("/tasks", new StringContent("a,b", Encoding.UTF8, "text/csv"), TestContext.Current.CancellationToken);

        await response.ProblemAsync(HttpStatusCode.UnsupportedMediaType, "unsupported_media_type");
    }

    [Fact]
    public async Task Submit_TwoSourcesOrNone_IsRefused()
    {
        var client = await world.CreateTenantAsync();

        using var none = await client.PostTextAsync("/tasks", """{"name": "empty"}""");
        using var two = await client.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples(), ["datasetId"] = "ds_1" });

        await none.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        await two.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task Submit_Refused_StoresNothing()
    {
        var client = await world.CreateTenantAsync();
        var before = await CountAsync();

        using var response = await client.PostRowsAsync("/tasks", Http.Rows + "\n{\"prompt\": 1}");

        await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_data");
        Assert.Equal(before, await CountAsync());
        Assert.Empty((await client.GetNodeAsync("/adapters"))["data"]!.AsArray());
    }

    private Task<(int, int, int, int)> CountAsync() => world.WithDatabaseAsync(async database => (
        await database.Tasks.CountAsync(), await database.Datasets.CountAsync(), await database.Adapters.CountAsync(), await database.TaskEvents.CountAsync()));
}
