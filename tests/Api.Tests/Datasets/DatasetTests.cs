using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests.Datasets;

[Collection(ApiCollection.Name)]
public sealed class DatasetTests(ApiWorld world)
{
    [Fact]
    public async Task Create_SameRowsInlineAndAsFile_HaveOneDigest()
    {
        var client = await world.CreateTenantAsync();

        using var inline = await client.PostNodeAsync("/datasets", new JsonObject { ["name"] = "parity", ["examples"] = Http.Examples() });
        using var file = await client.PostRowsAsync("/datasets", Http.Rows.Replace("\": ", "\"  :  ", StringComparison.Ordinal));

        var (one, two) = (await inline.ReadAsync(HttpStatusCode.Created), await file.ReadAsync(HttpStatusCode.Created));
        Assert.Equal($"/datasets/{one["id"]}", inline.Headers.Location?.ToString());
        Assert.Equal("parity", (string?)one["name"]);
        Assert.Equal("rows", (string?)two["name"]);
        Assert.Equal("prompt_completion", (string?)one["format"]);
        Assert.Equal(10, (int)one["rowCount"]!);
        Assert.Equal((string?)one["sha256"], (string?)two["sha256"]);
        Assert.Equal(2, (await client.GetNodeAsync("/datasets"))["data"]!.AsArray().Count);
    }

    [Fact]
    public async Task Create_Duplicates_AreCounted()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostRowsAsync("/datasets", Http.Rows + "\n" + Http.Rows);

        Assert.Equal(10, (int)(await response.ReadAsync(HttpStatusCode.Created))["duplicateRows"]!);
    }

    [Fact]
    public async Task Create_Csv_IsRead()
    {
        var client = await world.CreateTenantAsync();

        using var response = await client.PostFileAsync("/datasets", Encoding.UTF8.GetBytes("prompt,completion\r\nwhere,delivery\r\n\"a, b\",billing\r\n"), "rows.csv");

        Assert.Equal(2, (int)(await response.ReadAsync(HttpStatusCode.Created))["rowCount"]!);
    }

    [Fact]
    public async Task Create_UnknownFilePart_IsNamed()
    {
        var client = await world.CreateTenantAsync();
        var form = new MultipartFormDataContent { { new ByteArrayContent([1]), "upload", "x.jsonl" } };

        using var response = await client.PostAsync("/datasets", form, TestContext.Current.CancellationToken);

        Assert.Equal(["upload"], (await response.ProblemAsync(HttpStatusCode.BadRequest, "invalid_request")).Fields());
    }
}
