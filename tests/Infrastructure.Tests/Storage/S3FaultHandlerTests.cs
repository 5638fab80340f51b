using System.Net;
using ContinualService.Infrastructure.Storage;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Storage;

public sealed class S3FaultHandlerTests
{
    private readonly CancellationToken _token = TestContext.Current.CancellationToken;
    private int _failed;

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(429)]
    public async Task Send_ServerFailsForAWhile_TriesAgainWithTheWholeBody(int status)
    {
        var server = new Server((HttpStatusCode)status, (HttpStatusCode)status, HttpStatusCode.OK);

        using var response = await SendAsync(server, _token);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(["body", "body", "body"], server.Bodies);
        Assert.Equal(2, _failed);
    }

    [Fact]
    public async Task Send_ServerKeepsFailing_EndsAsUnavailableWithItsCode()
    {
        var server = new Server([.. Enumerable.Repeat(HttpStatusCode.ServiceUnavailable, 100)]);

        var error = await Assert.ThrowsAsync<ObjectStoreUnavailableException>(() => SendAsync(server, _token));

        Assert.Contains("SlowDown", error.Message, StringComparison.Ordinal);
        Assert.Equal(S3FaultHandler.Attempts, server.Bodies.Count);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    public async Task Send_KeysRefused_IsNotTriedAgain(int status)
    {
        var server = new Server((HttpStatusCode)status);

        var error = await Assert.ThrowsAsync<ObjectStoreUnavailableException>(() => SendAsync(server, _token));

        Assert.Contains("Storage:S3:AccessKey", error.Message, StringComparison.Ordinal);
        Assert.Single(server.Bodies);
        Assert.Equal(1, _failed);
    }

    [Theory]
    [InlineData(404)]
    [InlineData(412)]
    public async Task Send_AnswerAboutTheObject_Passes(int status)
    {
        using var response = await SendAsync(new Server((HttpStatusCode)status), _token);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(0, _failed);
    }

    [Fact]
    public async Task Send_CancelledInItsLastAttempt_IsCancelledAndNotUnavailable()
    {
        using var source = new CancellationTokenSource();
        var server = new Server([.. Enumerable.Repeat(HttpStatusCode.ServiceUnavailable, S3FaultHandler.Attempts - 1)]) { AfterTheLast = source.Cancel };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SendAsync(server, source.Token));

        Assert.Equal(S3FaultHandler.Attempts, server.Bodies.Count);
    }

    private async Task<HttpResponseMessage> SendAsync(Server server, CancellationToken cancellationToken)
    {
        using var client = new HttpClient(new S3FaultHandler(server, "http://127.0.0.1:1", TimeSpan.Zero, () => _failed++));
        using var content = new StreamContent(new MemoryStream("body"u8.ToArray()));
        return await client.PutAsync(new Uri("http://127.0.0.1:1/key"), content, cancellationToken);
    }

    private sealed class Server(params HttpStatusCode[] answers) : HttpMessageHandler
    {
        public List<string> Bodies { get; } = [];

        public Action? AfterTheLast { get; init; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            using var body = new MemoryStream();
            await request.Content!.CopyToAsync(body, cancellationToken);
            Bodies.Add(System.Text.Encoding.UTF8.GetString(body.ToArray()));
            if (Bodies.Count > answers.Length) AfterTheLast?.Invoke();
            cancellationToken.ThrowIfCancellationRequested();
            return new HttpResponseMessage(answers[Bodies.Count - 1]) { Content = new StringContent("<Error><Code>SlowDown</Code></Error>") };
        }
    }
}
