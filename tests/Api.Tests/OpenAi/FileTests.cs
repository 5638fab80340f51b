using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

[Collection(ApiCollection.Name)]
public sealed class FileTests(ApiWorld world)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Content_HeadAndKnownETag_AreWhatADownloadToolExpects()
    {
        using var client = await world.CreateTenantAsync();
        using var made = await client.PostRowsAsync("/v1/files", Http.Rows, ("purpose", "fine-tune"));
        var path = $"/v1/files/{(string)(await made.ReadAsync(HttpStatusCode.OK))["id"]!}/content";
        var token = TestContext.Current.CancellationToken;

        using var head = await client.SendAsync(new HttpRequestMessage(HttpMethod.Head, path), token);
        Assert.Equal((HttpStatusCode.OK, Encoding.UTF8.GetByteCount(Http.Rows)), (head.StatusCode, (int)head.Content.Headers.ContentLength!));
        using var known = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, path) { Headers = { IfNoneMatch = { head.Headers.ETag! } } }, token);
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
        Assert.Equal(Http.Rows, await client.GetStringAsync(path, token));
    }

    [Fact]
    public async Task File_UploadedShownReadAndDeleted_IsTheSameBytesUntilItIsGone()
    {
        var client = await world.CreateTenantAsync();
        byte[] bytes = [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(Http.Rows), 0];

        var file = await (await client.PostFileAsync("/v1/files", bytes, "rows.jsonl", ("purpose", "fine-tune"))).ReadAsync(HttpStatusCode.OK);
        var id = (string)file["id"]!;
        using var content = await client.GetAsync($"/v1/files/{id}/content", Token);

        Assert.StartsWith("file-", id, StringComparison.Ordinal);
        Assert.Equal(["id", "object", "bytes", "created_at", "filename", "purpose", "status"], file.AsObject().Select(field => field.Key));
        Assert.Equal(("file", bytes.Length, "rows.jsonl", "fine-tune", "processed"), ((string?)file["object"], (int)file["bytes"]!, (string?)file["filename"], (string?)file["purpose"], (string?)file["status"]));
        Assert.InRange((long)file["created_at"]!, TimeProvider.System.GetUtcNow().AddMinutes(-5).ToUnixTimeSeconds(), TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());
        Assert.True(JsonNode.DeepEquals(file, await client.GetNodeAsync($"/v1/files/{id}")));
        Assert.Equal(bytes, await content.Content.ReadAsByteArrayAsync(Token));
        Assert.Equal("rows.jsonl", content.Content.Headers.ContentDisposition?.FileName);
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes));
        Assert.Equal(sha256, await world.WithDatabaseAsync(database => database.Files.Where(row => row.Id == id).Select(row => row.Sha256).SingleAsync()));

        var deleted = await (await client.DeleteAsync($"/v1/files/{id}", Token)).ReadAsync(HttpStatusCode.OK);

        Assert.Equal($$"""{"id":"{{id}}","object":"file","deleted":true}""", deleted.ToJsonString());
        foreach (var path in new[] { $"/v1/files/{id}", $"/v1/files/{id}/content" }) await EnvelopeAsync(await client.GetAsync(path, Token), HttpStatusCode.NotFound, null, "not_found");
        await EnvelopeAsync(await client.DeleteAsync($"/v1/files/{id}", Token), HttpStatusCode.NotFound, null, "not_found");
        Assert.Equal(["file.delete", "file.create"], (await client.GetNodeAsync("/audit"))["data"]!.AsArray().Where(entry => (string?)entry!["subject"] == id).Select(entry => (string?)entry!["action"]));
    }

    [Theory]
    [InlineData("name=file; filename=rows.jsonl; filename*=utf-8''rows.jsonl", "name=purpose", "rows.jsonl")] // .NET
    [InlineData("name=file; filename=\"=?utf-8?B?w7wuanNvbmw=?=\"; filename*=utf-8''%C3%BC.jsonl", "name=purpose", "ü.jsonl")] // .NET
    [InlineData("name=\"file\"; filename=\"ü.jsonl\"", "name=\"purpose\"", "ü.jsonl")] // Node
    public async Task Upload_PartsAsClientsWriteThem_IsTaken(string filePart, string purposePart, string fileName)
    {
        var client = await world.CreateTenantAsync();
        var body = $"--b\r\nContent-Disposition: form-data; {filePart}\r\n\r\n{{\"text\": \"one\"}}\r\n"
            + $"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; {purposePart}\r\n\r\nfine-tune\r\n--b--\r\n";
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=b");

        var file = await (await client.PostAsync("/v1/files", content, Token)).ReadAsync(HttpStatusCode.OK);

        Assert.Equal((fileName, 15), ((string?)file["filename"], (int)file["bytes"]!));
        Assert.Equal("""{"text": "one"}""", await client.GetStringAsync($"/v1/files/{file["id"]}/content", Token));
    }

    [Theory]
    [InlineData("rows.jsonl", "{}", "", "", "purpose", "missing_required_parameter")]
    [InlineData("rows.jsonl", "{}", "purpose", "batch", "purpose", "invalid_value")]
    [InlineData("rows.jsonl", "", "purpose", "fine-tune", "file", "invalid_value")]
    [InlineData("rows\u0001.jsonl", "{}", "purpose", "fine-tune", "file", "invalid_value")]
    [InlineData("rows.jsonl", "{}", "expires_after[seconds]", "3600", "purpose", "missing_required_parameter")]
    public async Task Upload_ThatIsNotComplete_IsRefusedByName(string fileName, string bytes, string field, string value, string param, string code)
    {
        using var response = await world.Client.PostFileAsync("/v1/files", Encoding.UTF8.GetBytes(bytes), fileName, field.Length > 0 ? [(field, value)] : []);

        await EnvelopeAsync(response, HttpStatusCode.BadRequest, param, code);
    }

    [Fact]
    public async Task Upload_UnknownPartOrNoFile_IsRefusedByName()
    {
        using var unknown = await world.Client.PostFileAsync("/v1/files", [1], "rows.jsonl", ("purpose", "fine-tune"), ("expires_after[seconds]", "3600"));
        using var none = await world.Client.PostAsync("/v1/files", new MultipartFormDataContent { { new StringContent("fine-tune"), "purpose" } }, Token);
        using var json = await world.Client.PostTextAsync("/v1/files", """{"purpose": "fine-tune"}""");
        using var text = await world.Client.PostAsync("/v1/files", new StringContent("rows"), Token);
        using var other = await world.Client.PostAsync("/v1/files", new MultipartFormDataContent { { new ByteArrayContent([1]), "rows", "rows.jsonl" } }, Token);

        await EnvelopeAsync(unknown, HttpStatusCode.BadRequest, "expires_after[seconds]", "unknown_parameter");
        await EnvelopeAsync(none, HttpStatusCode.BadRequest, "file", "missing_required_parameter");
        await EnvelopeAsync(json, HttpStatusCode.UnsupportedMediaType, null, "unsupported_media_type");
        await EnvelopeAsync(text, HttpStatusCode.UnsupportedMediaType, null, "unsupported_media_type");
        await EnvelopeAsync(other, HttpStatusCode.BadRequest, "rows", "invalid_request");
    }

    [Theory]
    [InlineData("")]
    [InlineData("order=asc&")]
    public async Task List_PageByPage_GivesEveryFileOnceInOrder(string order)
    {
        var client = await world.CreateTenantAsync();
        var sent = new List<string>();
        for (var number = 0; number < 5; number++) sent.Add(await UploadAsync(client));
        if (order.Length == 0) sent.Reverse();

        var (seen, after, pages) = (new List<string>(), "", 0);
        JsonNode page;
        do
        {
            page = await client.GetNodeAsync($"/v1/files?{order}limit=2{after}");
            var ids = page["data"]!.AsArray().Select(file => (string)file!["id"]!).ToList();
            Assert.Equal(("list", ids[0], ids[^1]), ((string?)page["object"], (string?)page["first_id"], (string?)page["last_id"]));
            seen.AddRange(ids);
            after = $"&after={ids[^1]}";
            pages++;
        }
        while ((bool)page["has_more"]! && pages < 9);

        Assert.Equal(sent, seen);
        Assert.Equal(3, pages);
        Assert.Equal(5, (await client.GetNodeAsync("/v1/files?purpose=fine-tune"))["data"]!.AsArray().Count);
        Assert.Equal("""{"object":"list","data":[],"has_more":false,"first_id":null,"last_id":null}""", Ordered(await client.GetNodeAsync("/v1/files?purpose=batch")));
    }

    [Theory]
    [InlineData("limit=0", "limit", "invalid_value")]
    [InlineData("limit=10001", "limit", "invalid_value")]
    [InlineData("limit=x", "limit", "invalid_value")]
    [InlineData("order=up", "order", "invalid_value")]
    [InlineData("after=%00", "after", "invalid_value")]
    [InlineData("after=task_1", "after", "invalid_value")]
    [InlineData("cursor=x", "cursor", "unknown_parameter")]
    public async Task List_OptionThatIsNoGood_IsRefusedByName(string query, string param, string code) =>
        await EnvelopeAsync(await world.Client.GetAsync($"/v1/files?{query}", Token), HttpStatusCode.BadRequest, param, code);

    [Fact]
    public async Task File_OfAnotherTenant_DoesNotExist()
    {
        var (mine, theirs) = (await world.CreateTenantAsync(), await world.CreateTenantAsync());
        var id = await UploadAsync(mine);

        await EnvelopeAsync(await theirs.GetAsync($"/v1/files/{id}", Token), HttpStatusCode.NotFound, null, "not_found");
        await EnvelopeAsync(await theirs.GetAsync($"/v1/files/{id}/content", Token), HttpStatusCode.NotFound, null, "not_found");
        await EnvelopeAsync(await theirs.DeleteAsync($"/v1/files/{id}", Token), HttpStatusCode.NotFound, null, "not_found");
        Assert.Empty((await theirs.GetNodeAsync("/v1/files"))["data"]!.AsArray());
        Assert.Equal(id, (string?)(await mine.GetNodeAsync($"/v1/files/{id}"))["id"]);
        using var anonymous = world.CreateClient(null);
        await EnvelopeAsync(await anonymous.GetAsync("/v1/files", Token), HttpStatusCode.Unauthorized, null, "unauthorized");
    }

    internal static async Task<string> UploadAsync(HttpClient client, string? rows = null) =>
        (string)(await (await client.PostFileAsync("/v1/files", Encoding.UTF8.GetBytes(rows ?? Http.Rows), "rows.jsonl", ("purpose", "fine-tune"))).ReadAsync(HttpStatusCode.OK))["id"]!;

    /// <summary>The error of an answer that must have this status, in the OpenAI envelope with all of its members.</summary>
    internal static async Task<JsonNode> EnvelopeAsync(HttpResponseMessage response, HttpStatusCode expected, string? param, string? code)
    {
        using (response)
        {
            var error = (await response.ReadAsync(expected))["error"]!;
            Assert.Equal((param, code), ((string?)error["param"], (string?)error["code"]));
            Assert.False(string.IsNullOrWhiteSpace((string?)error["message"]));
            Assert.EndsWith("_error", (string?)error["type"], StringComparison.Ordinal);
            return error;
        }
    }

    private static string Ordered(JsonNode list) =>
        new JsonObject(new[] { "object", "data", "has_more", "first_id", "last_id" }.Select(name => KeyValuePair.Create(name, list[name]?.DeepClone()))).ToJsonString();
}
