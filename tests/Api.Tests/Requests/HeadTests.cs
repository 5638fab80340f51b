using System.Net;
using Xunit;

namespace ContinualService.Api.Tests.Requests;

[Collection(ApiCollection.Name)]
public sealed class HeadTests(ApiWorld world)
{
    [Theory]
    [InlineData("/")]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    [InlineData("/models")]
    [InlineData("/adapters")]
    [InlineData("/tasks")]
    [InlineData("/v1/models")]
    [InlineData("/v1/models/tiny")]
    [InlineData("/v1/files")]
    [InlineData("/v1/fine_tuning/jobs")]
    public async Task Head_OfWhatAnswersGet_HasItsStatusAndHeadersAndNoBody(string path)
    {
        using var got = await world.Client.GetAsync(path, TestContext.Current.CancellationToken);
        using var head = await world.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, path), TestContext.Current.CancellationToken);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (got.StatusCode, head.StatusCode));
        Assert.Equal(got.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Head_OfRoutesForPostAlone_IsNotAllowed()
    {
        using var head = await world.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/v1/chat/completions"), TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, head.StatusCode);
    }

    [Fact]
    public async Task Head_OfATasksEvents_EndsThoughTheTaskDoesNot()
    {
        using var client = await world.CreateTenantAsync();
        using var submitted = await client.PostRowsAsync("/tasks", Http.Rows);
        var id = (string?)(await submitted.ReadAsync(HttpStatusCode.Accepted))["id"];

        // Over a connection that is used again: the next answer comes only after this one's end.
        using var head = await client.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"/tasks/{id}/events"), TestContext.Current.CancellationToken);

        Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (head.StatusCode, head.Content.Headers.ContentType?.MediaType));
        Assert.Equal("queued", (string?)(await client.GetNodeAsync($"/tasks/{id}"))["status"]);
    }

    [Fact]
    public async Task Document_DoesNotSpeakOfHead()
    {
        var document = await world.Client.GetNodeAsync("/swagger/v1/swagger.json");

        Assert.DoesNotContain(document["paths"]!.AsObject(), path => path.Value!.AsObject().ContainsKey("head"));
    }

    [Theory]
    [InlineData("/models", HttpStatusCode.OK)]
    [InlineData("/v1/models", HttpStatusCode.OK)]
    [InlineData("/nothing/here", HttpStatusCode.NotFound)]
    [InlineData("/v1/files/file-none", HttpStatusCode.NotFound)]
    public async Task Answer_OfAnyKind_NamesItsRequest(string path, HttpStatusCode status)
    {
        using var first = await world.Client.GetAsync(path, TestContext.Current.CancellationToken);
        using var second = await world.Client.GetAsync(path, TestContext.Current.CancellationToken);

        Assert.Equal((status, status), (first.StatusCode, second.StatusCode));
        var ids = new[] { first, second }.Select(response => response.Headers.GetValues("X-Request-Id").Single()).ToList();
        Assert.Equal(2, ids.Where(id => id.Length > 0).Distinct().Count());
    }

    [Fact]
    public async Task Problem_NamesItsRequestAsTheHeaderDoes()
    {
        using var problem = await world.Client.GetAsync("/nothing/here", TestContext.Current.CancellationToken);
        using var envelope = await world.Client.GetAsync("/v1/nothing", TestContext.Current.CancellationToken);

        Assert.Equal(problem.Headers.GetValues("X-Request-Id").Single(), (string?)(await problem.ReadAsync(HttpStatusCode.NotFound))["traceId"]);
        Assert.Equal(envelope.Headers.GetValues("X-Request-Id").Single(), (string?)(await envelope.ReadAsync(HttpStatusCode.NotFound))["error"]!["x_trace_id"]);
    }
}
