using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests;

/// <summary>Short forms for requests and their answers.</summary>
internal static class Http
{
    public static readonly string Rows = string.Join('\n', Enumerable.Range(0, 10).Select(row => $$"""{"prompt": "question {{row}}", "completion": "{{(row % 2 == 0 ? "even" : "odd")}}"}"""));

    /// <summary>Ten inline rows with two answers.</summary>
    public static JsonArray Examples() => [.. Rows.Split('\n').Select(line => JsonNode.Parse(line))];

    public static Task<HttpResponseMessage> PostTextAsync(this HttpClient client, string path, string json) =>
        client.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);

    public static Task<HttpResponseMessage> PostNodeAsync(this HttpClient client, string path, JsonNode body) => client.PostTextAsync(path, body.ToJsonString());

    public static Task<HttpResponseMessage> PostFileAsync(
        this HttpClient client, string path, byte[] content, string fileName = "rows.jsonl", params (string Name, string Value)[] fields)
    {
        var form = new MultipartFormDataContent { { new ByteArrayContent(content), "file", fileName } };
        foreach (var (name, value) in fields) form.Add(new StringContent(value), name);
        return client.PostAsync(path, form, TestContext.Current.CancellationToken);
    }

    public static Task<HttpResponseMessage> PostRowsAsync(this HttpClient client, string path, string rows, params (string Name, string Value)[] fields) =>
        client.PostFileAsync(path, Encoding.UTF8.GetBytes(rows), "rows.jsonl", fields);

    public static async Task<JsonNode> GetNodeAsync(this HttpClient client, string path)
    {
        using var response = await client.GetAsync(path, TestContext.Current.CancellationToken);
        return await response.ReadAsync(HttpStatusCode.OK);
    }

    /// <summary>The body of an answer that must have this status.</summary>
    public static async Task<JsonNode> ReadAsync(this HttpResponseMessage response, HttpStatusCode expected)
    {
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(expected == response.StatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>The body of a refusal, with the members that every refusal has checked.</summary>
    public static async Task<JsonNode> ProblemAsync(this HttpResponseMessage response, HttpStatusCode expected, string code, bool traced = true)
    {
        var problem = await response.ReadAsync(expected);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(code, (string?)problem["code"]);
        Assert.Equal((int)expected, (int)problem["status"]!);
        Assert.Equal($"urn:continual-service:problem:{code}", (string?)problem["type"]);
        Assert.False(string.IsNullOrWhiteSpace((string?)problem["detail"]));
        Assert.False(string.IsNullOrWhiteSpace((string?)problem["title"]));
        if (traced) Assert.False(string.IsNullOrWhiteSpace((string?)problem["traceId"]));
        return problem;
    }

    /// <summary>The fields that a refusal complains about.</summary>
    public static string?[] Fields(this JsonNode problem) => [.. problem["errors"]!.AsArray().Select(error => (string?)error!["field"])];
}
