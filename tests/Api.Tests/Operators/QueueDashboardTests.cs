using System.Net;
using System.Net.Http.Headers;
using System.Text;
using ContinualService.Api.Operators;
using ContinualService.TestKit.Servers;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace ContinualService.Api.Tests.Operators;

public sealed class QueueDashboardTests
{
    private const string Key = "the-operators-own-key";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Dashboard_WithoutAKeyInTheSettings_IsOffForEverybody()
    {
        await using var world = new ApiWorld();

        foreach (var credentials in new[] { null, "operator:", "operator:" + Key })
        {
            using var refused = await AskAsync(world, "/hangfire", credentials);
            var problem = await refused.ProblemAsync(HttpStatusCode.NotFound, "not_found");
            Assert.Contains("Operator:Key", (string?)problem["detail"], StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Dashboard_ForTheOperatorAlone_ShowsTheQueueAndChangesNothing(bool shared)
    {
        await using var world = new ApiWorld(await SettingsAsync(shared));
        foreach (var credentials in new[] { null, "operator:wrong", "admin:" + Key, "operator:" + Key + " ", ":", Key })
        {
            using var refused = await AskAsync(world, "/hangfire/jobs/enqueued", credentials);
            await refused.ProblemAsync(HttpStatusCode.Unauthorized, "unauthorized");
            Assert.Equal("Basic", refused.Headers.WwwAuthenticate.Single().Scheme);
        }

        using var tenant = await world.Client.GetAsync("/hangfire", Token);
        Assert.Equal(HttpStatusCode.Unauthorized, tenant.StatusCode);

        foreach (var page in new[] { "/hangfire", "/hangfire/", "/hangfire/jobs/enqueued", "/hangfire/servers", "/hangfire/stats" })
        {
            using var answer = page.EndsWith("stats", StringComparison.Ordinal) ? await AskAsync(world, page, "operator:" + Key, HttpMethod.Post) : await AskAsync(world, page, "operator:" + Key);
            var text = await answer.Content.ReadAsStringAsync(Token);
            Assert.True(HttpStatusCode.OK == answer.StatusCode, $"{page}: {(int)answer.StatusCode} {text}");
            Assert.DoesNotContain("Password", text, StringComparison.OrdinalIgnoreCase);
        }

        using var change = await AskAsync(world, "/hangfire/jobs/enqueued/delete", "operator:" + Key, HttpMethod.Post);
        Assert.Contains(change.StatusCode, new[] { HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden });
    }

    [Theory]
    [InlineData("short", false)]
    [InlineData("", true)]
    [InlineData(Key, true)]
    public void Key_TooShortToBeASecret_IsRefused(string key, bool taken)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("Operator:Key", (string?)key)]).Build();
        using var services = new ServiceCollection().AddSingleton<IConfiguration>(configuration).AddQueueDashboard().BuildServiceProvider();

        var read = Record.Exception(() => services.GetRequiredService<IOptions<OperatorOptions>>().Value);

        Assert.Equal(taken, read is null);
        if (!taken) Assert.Contains("Operator:Key", Assert.IsType<OptionsValidationException>(read).Message, StringComparison.Ordinal);
    }

    private static async Task<Dictionary<string, string>> SettingsAsync(bool shared)
    {
        var settings = new Dictionary<string, string> { ["Operator:Key"] = Key };
        if (!shared) return settings;
        settings["Database:Provider"] = "postgresql";
        settings["Database:ConnectionString"] = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(Token);
        return settings;
    }

    private static async Task<HttpResponseMessage> AskAsync(ApiWorld world, string path, string? credentials, HttpMethod? method = null)
    {
        using var client = world.CreateClient(null);
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        if (method == HttpMethod.Post) request.Content = new FormUrlEncodedContent([KeyValuePair.Create("metrics[]", "servers:count")]);
        if (credentials is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));
        return await client.SendAsync(request, Token);
    }
}
