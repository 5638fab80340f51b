using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Api.Tests.Swagger;

[Collection(ApiCollection.Name)]
public sealed class SwaggerTests(ApiWorld world)
{
    [Fact]
    public async Task Document_DescribesEveryRoute_WithExampleFormAndScheme()
    {
        using var anonymous = world.CreateClient(null);

        var document = await anonymous.GetNodeAsync("/swagger/v1/swagger.json");

        var paths = document["paths"]!.AsObject();
        string[] expected =
        [
            "/tasks", "/tasks/{id}", "/tasks/{id}/events", "/tasks/{id}/metrics", "/tasks/{id}/runs", "/tasks/{id}/cancel", "/audit", "/adapters/{id}/aliases", "/datasets", "/datasets/{id}", "/adapters", "/adapters/{id}",
            "/adapters/{id}/versions", "/adapters/{id}/versions/{number}", "/adapters/{id}/versions/{number}/download", "/adapters/{id}/matrix", "/adapters/{id}/storage", "/adapters/{id}/lineage", "/adapters/{id}/merge-previews", "/adapters/{id}/merge-previews/{previewId}", "/adapters/{id}/merge-previews/{previewId}/adopt", "/models", "/v1/files", "/v1/files/{id}", "/v1/files/{id}/content", "/v1/models/{id}", "/v1/fine_tuning/jobs", "/v1/fine_tuning/jobs/{id}", "/v1/fine_tuning/jobs/{id}/events", "/v1/fine_tuning/jobs/{id}/checkpoints", "/adapters/{id}/drift", "/adapters/{id}/forecasts", "/adapters/{id}/forecasts/{forecastId}", "/adapters/{id}/replay", "/adapters/{id}/replays", "/adapters/{id}/replays/{replayId}", "/adapters/{id}/unlearn", "/adapters/{id}/unlearnings", "/adapters/{id}/unlearnings/{unlearningId}", "/adapters/{id}/versions/{number}/manifest", "/adapters/{id}/versions/{number}/diff/{other}",
            "/v1/fine_tuning/jobs/{id}/cancel", "/v1/fine_tuning/jobs/{id}/pause", "/v1/fine_tuning/jobs/{id}/resume", "/health/live", "/health/ready",
        ];
        foreach (var path in expected) Assert.True(paths.ContainsKey(path), path);
        var body = paths["/tasks"]!["post"]!["requestBody"]!["content"]!;
        Assert.NotNull(body["application/json"]!["example"]!["examples"]);
        Assert.Equal("binary", (string?)body["multipart/form-data"]!["schema"]!["properties"]!["file"]!["format"]);
        Assert.NotNull(document["components"]!["securitySchemes"]!["Bearer"]);
        foreach (var operation in paths.SelectMany(path => path.Value!.AsObject()).Select(member => member.Value!))
            Assert.False(string.IsNullOrEmpty((string?)operation["summary"]), operation["operationId"]?.ToString());
    }

    [Fact]
    public async Task Document_Answers_AreAllThatItsRoutesGive()
    {
        var paths = (await world.Client.GetNodeAsync("/swagger/v1/swagger.json"))["paths"]!.AsObject();
        using var anonymous = world.CreateClient(null);
        using var client = await world.CreateTenantAsync();
        var surprises = new List<string>();
        foreach (var (path, operations) in paths)
        {
            foreach (var (method, operation) in operations!.AsObject())
            {
                var url = path.Replace("{number}", "1", StringComparison.Ordinal).Replace("{id}", "none", StringComparison.Ordinal).Replace("{deliveryId}", "none", StringComparison.Ordinal).Replace("{previewId}", "none", StringComparison.Ordinal).Replace("{forecastId}", "none", StringComparison.Ordinal)
                    .Replace("{replayId}", "none", StringComparison.Ordinal).Replace("{unlearningId}", "none", StringComparison.Ordinal).Replace("{other}", "2", StringComparison.Ordinal);
                foreach (var (kind, sender, query, type) in new[] { ("no key", anonymous, "", "application/json"), ("empty", client, "", "application/json"), ("plain", client, "", "text/plain"), ("bad query", client, "?limit=0&format=odd&dry_run=maybe", "application/json") })
                {
                    using var request = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), url + query);
                    if (operation!["requestBody"] is not null) request.Content = new StringContent("{}", System.Text.Encoding.UTF8, type);
                    using var response = await sender.SendAsync(request, TestContext.Current.CancellationToken);
                    var documented = operation["responses"]![$"{(int)response.StatusCode}"];
                    var media = response.Content.Headers.ContentType?.MediaType;
                    if (documented is null) surprises.Add($"{method} {url} ({kind}): {(int)response.StatusCode}");
                    else if ((int)response.StatusCode >= 400 && documented["content"]?[media ?? ""] is null) surprises.Add($"{method} {url} ({kind}): {(int)response.StatusCode} as {media}");
                }
            }
        }

        Assert.Equal([], surprises);
    }

    [Theory]
    [InlineData("/v1/chat/completions", "post", "400 404 413 415 429 503")]
    [InlineData("/v1/models/{id}", "delete", "403 404 409 503")]
    [InlineData("/v1/fine_tuning/jobs/{id}/pause", "post", "404 409 503")]
    [InlineData("/adapters/{id}/merge-previews", "post", "202 400 404 409 413 415 503")]
    [InlineData("/adapters/{id}/merge-previews/{previewId}", "delete", "202 404 409 503")]
    [InlineData("/adapters/{id}/merge-previews/{previewId}/adopt", "post", "201 400 404 409 413 415 503")]
    [InlineData("/adapters/{id}/forecasts", "post", "202 400 404 409 413 415 503")]
    [InlineData("/adapters/{id}/forecasts/{forecastId}", "delete", "202 404 409 503")]
    [InlineData("/adapters/{id}/drift", "put", "400 404 413 415 503")]
    [InlineData("/adapters/{id}/replay", "post", "202 400 404 409 413 415 503")]
    [InlineData("/adapters/{id}/unlearnings/{unlearningId}", "delete", "202 404 409 503")]
    [InlineData("/adapters/{id}/versions/{number}/diff/{other}", "get", "404 409 503")]
    [InlineData("/adapters/{id}/pin", "put", "404 409 503")]
    [InlineData("/adapters/{id}/versions/{number}/download", "get", "206 304 400 404 409 416 503")]
    public async Task Document_Operation_HasTheRefusalsThatTakeMoreThanAWrongRequest(string path, string method, string statuses)
    {
        var responses = (await world.Client.GetNodeAsync("/swagger/v1/swagger.json"))["paths"]![path]![method]!["responses"]!.AsObject();

        Assert.Equal(statuses.Split(' '), responses.Select(response => response.Key).Where(status => status is not ("200" or "204" or "401")).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Document_References_AllResolve()
    {
        var text = (await world.Client.GetNodeAsync("/swagger/v1/swagger.json")).ToJsonString();
        var document = JsonNode.Parse(text)!;

        foreach (System.Text.RegularExpressions.Match match in System.Text.RegularExpressions.Regex.Matches(text, "\"#/components/schemas/([^\"]+)\""))
            Assert.NotNull(document["components"]!["schemas"]![match.Groups[1].Value]);
    }

    [Theory]
    [InlineData("/swagger/index.html")]
    [InlineData("/")]
    public async Task Page_IsServedWithoutAKey(string path)
    {
        using var anonymous = world.CreateClient(null);

        using var response = await anonymous.GetAsync(path, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task Health_IsServedWithoutAKey()
    {
        using var anonymous = world.CreateClient(null);

        Assert.Equal("live", (string?)(await anonymous.GetNodeAsync("/health/live"))["status"]);
        Assert.Equal("ready", (string?)(await anonymous.GetNodeAsync("/health/ready"))["status"]);
    }

    [Fact]
    public async Task Route_UnknownOrWithAnotherMethod_IsAProblem()
    {
        using var unknown = await world.Client.GetAsync("/nothing/here", TestContext.Current.CancellationToken);
        using var method = await world.Client.PutAsync("/tasks", null, TestContext.Current.CancellationToken);

        await unknown.ProblemAsync(HttpStatusCode.NotFound, "not_found");
        await method.ProblemAsync(HttpStatusCode.MethodNotAllowed, "method_not_allowed");
    }
}
