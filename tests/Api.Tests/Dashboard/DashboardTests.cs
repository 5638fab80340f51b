using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;

namespace ContinualService.Api.Tests.Dashboard;

/// <summary>The page at /: it is whole without a key, and what its script asks for is what the API has.</summary>
[Collection(ApiCollection.Name)]
public sealed partial class DashboardTests(ApiWorld world)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Page_WithoutKey_NamesOnlyWhatTheServiceHas()
    {
        using var anonymous = world.CreateClient(null);

        var page = await anonymous.GetStringAsync("/", Token);

        var named = Named().Matches(page).Select(match => match.Groups[1].Value).Where(url => !url.StartsWith("data:", StringComparison.Ordinal)).Distinct().ToList();
        Assert.Contains("dashboard.js", named);
        foreach (var url in named) Assert.True(await IsThereAsync(anonymous, url), url);
    }

    [Theory]
    [InlineData("/", "text/html")]
    [InlineData("/dashboard.css", "text/css")]
    [InlineData("/dashboard.js", "text/javascript")]
    public async Task File_IsServed_WithItsTypeAndAPolicyThatLetsNothingElseIn(string path, string type)
    {
        using var anonymous = world.CreateClient(null);

        using var response = await anonymous.GetAsync(path, Token);

        Assert.Equal((HttpStatusCode.OK, type), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        Assert.StartsWith("default-src 'none'; script-src 'self';", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
    }

    /// <summary>What a template of the script leaves open is one segment of the path: the adapter's name.</summary>
    [Fact]
    public async Task Script_AsksOnlyForRoutesAndParametersThatAreDocumented()
    {
        var script = await world.Client.GetStringAsync("/dashboard.js", Token);
        var paths = (await world.Client.GetNodeAsync("/swagger/v1/swagger.json"))["paths"]!.AsObject();

        var asked = Asked().Matches(script).Select(match => "/" + Hole().Replace(match.Groups["path"].Value, "{id}")).ToList();

        Assert.Equal(
            ["/adapters", "/adapters/{id}/lineage?format=svg", "/adapters/{id}/matrix?format=svg", "/adapters/{id}/storage", "/adapters/{id}/versions", "/tasks?adapter={id}", "/tasks?status=queued", "/tasks?status=running", "/v1/chat/completions"],
            asked.Distinct().Order(StringComparer.Ordinal));
        foreach (var path in asked.Select(url => url.Split('?')))
        {
            var operation = paths[path[0]]?[path[0].EndsWith("completions", StringComparison.Ordinal) ? "post" : "get"];
            Assert.True(operation is not null, path[0]);
            if (path.Length > 1) Assert.Contains(path[1].Split('=')[0], operation["parameters"]!.AsArray().Select(parameter => (string)parameter!["name"]!));
        }
    }

    /// <summary>Each field that the script reads of an adapter, a version, a task and the storage is one that the API documents.</summary>
    [Theory]
    [InlineData("adapter", "AdapterResponse")]
    [InlineData("version", "VersionResponse", "StoredVersion")]
    [InlineData("task", "TaskResponse")]
    [InlineData("storage", "StorageResponse")]
    public async Task Script_ReadsOnlyDocumentedFields(string name, params string[] schemas)
    {
        var script = await world.Client.GetStringAsync("/dashboard.js", Token);
        var documented = (await world.Client.GetNodeAsync("/swagger/v1/swagger.json"))["components"]!["schemas"]!.AsObject();

        var read = Regex.Matches(script, $@"\b{name}\??\.(\w+)").Select(match => match.Groups[1].Value).Distinct().ToList();

        Assert.True(read.Count >= 3, string.Join(' ', read));
        var known = schemas.SelectMany(schema => documented[schema]!["properties"]!.AsObject().Select(property => property.Key)).ToList();
        Assert.All(read, field => Assert.Contains(field, known));
    }

    private static async Task<bool> IsThereAsync(HttpClient client, string url)
    {
        using var response = await client.GetAsync("/" + url, Token);
        return response.IsSuccessStatusCode;
    }

    [GeneratedRegex("(?:href|src)=\"([^\"]*)\"")]
    private static partial Regex Named();

    [GeneratedRegex("""(?:ask|read|readAll|picture)\((?:"\w+", )?["`](?<path>[^"`]+)["`]""")]
    private static partial Regex Asked();

    [GeneratedRegex(@"\$\{\w+\}")]
    private static partial Regex Hole();
}
