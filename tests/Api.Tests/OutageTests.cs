using System.Net;
using System.Text.Json.Nodes;
using ContinualService.TestKit.Servers;
using Xunit;

namespace ContinualService.Api.Tests;

/// <summary>The service on servers that come and go.</summary>
public sealed class OutageTests : IAsyncLifetime
{
    private PostgresServer _database = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _database = await PostgresServer.StartNewAsync(durable: true);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Routes_WhileTheDatabaseIsAway_AnswerThatItMayBeTriedAgain(bool crash)
    {
        await using var world = await StartServiceAsync();
        await world.Client.GetNodeAsync("/tasks");
        await _database.StopAsync(crash);

        // The first answer meets a connection that the server closed, the next a port where nobody listens.
        for (var time = 0; time < 2; time++)
        {
            using var refused = await world.Client.GetAsync("/tasks", Token);
            await refused.ProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
            Assert.NotNull(refused.Headers.RetryAfter);
            using var openAi = await world.Client.GetAsync("/v1/models", Token);
            Assert.Equal("unavailable", (string?)(await openAi.ReadAsync(HttpStatusCode.ServiceUnavailable))["error"]!["code"]);
            Assert.NotNull(openAi.Headers.RetryAfter);
        }

        await _database.StartAsync();
        await world.Client.GetNodeAsync("/tasks");
    }

    [Fact]
    public async Task Ready_WhileAServerIsAway_NamesItAndNothingSecret()
    {
        await using var objects = await S3Server.StartNewAsync();
        await using var world = await StartServiceAsync(new Dictionary<string, string>
        {
            ["Storage:Provider"] = "s3",
            ["Storage:S3:Endpoint"] = objects.Endpoint,
            ["Storage:S3:Bucket"] = await objects.CreateBucketAsync(Token),
            ["Storage:S3:AccessKey"] = objects.AccessKey,
            ["Storage:S3:SecretKey"] = objects.SecretKey,
        });
        Assert.Equal("ready", (string?)(await ReadyAsync(world, "ready"))["dependencies"]!["objectStore"]!["status"]);

        await objects.StopAsync();
        var withoutObjects = await ReadyAsync(world, "unavailable");
        Assert.Equal(("ready", "unavailable"), Statuses(withoutObjects));
        Assert.Contains("object store", (string?)withoutObjects["dependencies"]!["objectStore"]!["detail"], StringComparison.Ordinal);

        await objects.StartAsync();
        await ReadyAsync(world, "ready");
        await _database.StopAsync(immediate: true);
        var withoutDatabase = await ReadyAsync(world, "unavailable");
        Assert.Equal(("unavailable", "ready"), Statuses(withoutDatabase));
        var text = withoutDatabase.ToJsonString();
        Assert.DoesNotContain($"{_database.Port}", text, StringComparison.Ordinal);
        Assert.DoesNotContain("127.0.0.1", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"name": "a", "model": "tiny\u0000"}""", "/adapters")]
    [InlineData("""{"adapter": "a\u0000b", "examples": [{"prompt": "1", "completion": "2"}, {"prompt": "3", "completion": "4"}]}""", "/tasks")]
    [InlineData("""{"model": "a\u0000b", "prompt": "x"}""", "/v1/completions")]
    public async Task Text_WithNul_IsTheClientsError(string body, string path)
    {
        await using var world = await StartServiceAsync();

        using var answer = await world.Client.PostTextAsync(path, body);

        var text = await answer.Content.ReadAsStringAsync(Token);
        Assert.True(answer.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.NotFound, $"{answer.StatusCode} {text}");
    }

    private static (string? Database, string? Objects) Statuses(JsonNode report) =>
        ((string?)report["dependencies"]!["database"]!["status"], (string?)report["dependencies"]!["objectStore"]!["status"]);

    // Without a key, as probes do: looking the key up needs the database. An answer may be a second old.
    private static async Task<JsonNode> ReadyAsync(ApiWorld world, string expected)
    {
        using var anonymous = world.CreateClient(null);
        while (true)
        {
            using var response = await anonymous.GetAsync("/health/ready", Token);
            var report = await response.ReadAsync(response.StatusCode);
            Assert.Equal((string?)report["status"] == "ready" ? HttpStatusCode.OK : HttpStatusCode.ServiceUnavailable, response.StatusCode);
            if ((string?)report["status"] == expected) return report;
            await Task.Delay(100, Token);
        }
    }

    private async Task<ApiWorld> StartServiceAsync(IReadOnlyDictionary<string, string>? settings = null) => new(new Dictionary<string, string>(settings ?? new Dictionary<string, string>())
    {
        ["Database:Provider"] = "postgresql",
        ["Database:ConnectionString"] = await _database.CreateDatabaseAsync(Token),
    });
}
