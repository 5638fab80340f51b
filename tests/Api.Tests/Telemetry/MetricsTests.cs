using System.Net;
using System.Net.Http.Headers;
using ContinualService.Infrastructure.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace ContinualService.Api.Tests.Telemetry;

public sealed class MetricsTests
{
    private const string Secret = "the-token-of-prometheus";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Metrics_ByDefault_AreForCallersOfThisMachineThatComeStraight()
    {
        await using var world = new ApiWorld();

        using var local = await AskAsync(world);
        Assert.Equal(HttpStatusCode.OK, local.StatusCode);
        foreach (var header in new[] { "X-Forwarded-For", "Forwarded", "Via" })
        {
            using var forwarded = await AskAsync(world, header, "for=203.0.113.9");
            var problem = await forwarded.ProblemAsync(HttpStatusCode.Forbidden, "forbidden", traced: false);
            Assert.Contains("Metrics:Token", (string?)problem["detail"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Metrics_WithAllowRemote_AreForEverybodyWhoGetsThere()
    {
        await using var world = new ApiWorld(new Dictionary<string, string> { ["Metrics:AllowRemote"] = "true" });

        using var forwarded = await AskAsync(world, "X-Forwarded-For", "203.0.113.9");

        Assert.Equal(HttpStatusCode.OK, forwarded.StatusCode);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer")]
    [InlineData("Bearer wrong")]
    [InlineData("Basic " + Secret)]
    public async Task Metrics_WithAToken_AreRefusedWithoutIt(string? authorization)
    {
        await using var world = new ApiWorld(new Dictionary<string, string> { ["Metrics:Token"] = Secret, ["Metrics:AllowRemote"] = "true" });

        using var refused = authorization is null ? await AskAsync(world) : await AskAsync(world, "Authorization", authorization);
        await refused.ProblemAsync(HttpStatusCode.Unauthorized, "unauthorized", traced: false);
        Assert.Equal("Bearer", refused.Headers.WwwAuthenticate.Single().Scheme);

        using var allowed = await AskAsync(world, "Authorization", "Bearer " + Secret);
        Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);
    }

    [Fact]
    public async Task Metrics_ForAPrometheusThatTakesAnyName_KeepTheNamesOfTheDashboards()
    {
        await using var world = new ApiWorld();

        using var answer = await AskAsync(world, "Accept", "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3");
        var text = await answer.Content.ReadAsStringAsync(Token);

        Assert.Contains("\ncontinual_queue_depth", text, StringComparison.Ordinal);
        Assert.DoesNotContain("continual.", text, StringComparison.Ordinal);
        Assert.DoesNotContain("tnt_", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("short", false)]
    [InlineData("", true)]
    [InlineData("sixteen-or-more-", true)]
    public void Token_TooShortToBeASecret_IsRefused(string token, bool taken)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("Metrics:Token", (string?)token)]).Build();
        using var services = new ServiceCollection().AddSingleton<IConfiguration>(configuration).AddTelemetry(configuration, "test").BuildServiceProvider();

        var read = Record.Exception(() => services.GetRequiredService<IOptions<MetricsOptions>>().Value);

        Assert.Equal(taken, read is null);
        if (!taken) Assert.Contains("Metrics:Token", Assert.IsType<OptionsValidationException>(read).Message, StringComparison.Ordinal);
    }

    private static async Task<HttpResponseMessage> AskAsync(ApiWorld world, string? header = null, string? value = null)
    {
        using var client = world.CreateClient(null);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        if (header == "Authorization") request.Headers.Authorization = AuthenticationHeaderValue.Parse(value!);
        else if (header is not null) request.Headers.TryAddWithoutValidation(header, value);
        return await client.SendAsync(request, Token);
    }
}
