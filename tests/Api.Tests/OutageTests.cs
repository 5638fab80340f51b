using System.Net;
using System.Text.Json.Nodes;
using ContinualService.TestKit.Servers;
using Xunit;

namespace ContinualService.Api.Tests;

/// <summary>The service on a PostgreSQL server and an S3 server that come and go.</summary>
public sealed class OutageTests : IAsyncLifetime
{
    private PostgresServer _database = null!;
    private S3Server _objects = null!;
    private ApiWorld _world = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await PostgresServer.StartNewAsync();
        _objects = await S3Server.StartNewAsync();
        _world = new ApiWorld(new Dictionary<string, string>
        {
            ["Database:Provider"] = "postgresql",
            ["Database:ConnectionString"] = await _database.CreateDatabaseAsync(Token),
            ["Storage:Provider"] = "s3",
            ["Storage:S3:Endpoint"] = _objects.Endpoint,
            ["Storage:S3:Bucket"] = await _objects.CreateBucketAsync(Token),
            ["Storage:S3:AccessKey"] = _objects.AccessKey,
            ["Storage:S3:SecretKey"] = _objects.SecretKey,
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        await _objects.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Routes_WhileTheDatabaseIsAway_AnswerThatItMayBeTriedAgain(bool crash)
    {
        (await _world.Client.GetNodeAsync("/tasks")).AsObject();
        await _database.StopAsync(crash);

        // The first answer meets a connection that the server closed, the next a port where nobody listens.
        for (var time = 0; time < 2; time++)
        {
            using var refused = await _world.Client.GetAsync("/tasks", Token);
            await refused.ProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
            Assert.NotNull(refused.Headers.RetryAfter);
            using var openAi = await _world.Client.GetAsync("/v1/models", Token);
            Assert.Equal("unavailable", (string?)(await openAi.ReadAsync(HttpStatusCode.ServiceUnavailable))["error"]!["code"]);
            Assert.NotNull(openAi.Headers.RetryAfter);
        }

        await _database.StartAsync();
        (await _world.Client.GetNodeAsync("/tasks")).AsObject();
    }

    [Fact]
    public async Task Ready_WhileAServerIsAway_NamesItAndNothingSecret()
    {
        Assert.Equal("ready", (string?)(await ReadyAsync("ready"))["dependencies"]!["objectStore"]!["status"]);

        await _objects.StopAsync();
        var withoutObjects = await ReadyAsync("unavailable");
        Assert.Equal(("ready", "unavailable"), Statuses(withoutObjects));
        Assert.Contains("object store", (string?)withoutObjects["dependencies"]!["objectStore"]!["detail"], StringComparison.Ordinal);

        await _objects.StartAsync();
        await ReadyAsync("ready");
        await _database.StopAsync(immediate: true);
        var withoutDatabase = await ReadyAsync("unavailable");
        Assert.Equal(("unavailable", "ready"), Statuses(withoutDatabase));
        var text = withoutDatabase.ToJsonString();
        Assert.DoesNotContain($"{_database.Port}", text, StringComparison.Ordinal);
        Assert.DoesNotContain("127.0.0.1", text, StringComparison.Ordinal);
    }

    private static (string? Database, string? Objects) Statuses(JsonNode report) =>
        ((string?)report["dependencies"]!["database"]!["status"], (string?)report["dependencies"]!["objectStore"]!["status"]);

    // Without a key, as probes do: looking the key up needs the database. An answer may be a second old.
    private async Task<JsonNode> ReadyAsync(string expected)
    {
        using var anonymous = _world.CreateClient(null);
        while (true)
        {
            using var response = await anonymous.GetAsync("/health/ready", Token);
            var report = await response.ReadAsync(response.StatusCode);
            Assert.Equal((string?)report["status"] == "ready" ? HttpStatusCode.OK : HttpStatusCode.ServiceUnavailable, response.StatusCode);
            if ((string?)report["status"] == expected) return report;
            await Task.Delay(100, Token);
        }
    }
}
