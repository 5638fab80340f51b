using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Api.Tenants;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Api.Tests.Tenants;

[Collection(ApiCollection.Name)]
public sealed class TenantTests(ApiWorld world)
{
    [Theory]
    [InlineData(null)]
    [InlineData("wrong-key")]
    public async Task Request_WithoutGoodKey_IsUnauthorized(string? key)
    {
        using var client = world.CreateClient(key);

        using var response = await client.GetAsync("/tasks", TestContext.Current.CancellationToken);

        await response.ProblemAsync(HttpStatusCode.Unauthorized, "unauthorized");
        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
    }

    [Fact]
    public async Task Request_WithApiKeyHeader_IsServed()
    {
        using var client = world.CreateClient(null);
        client.DefaultRequestHeaders.Add("X-Api-Key", ApiWorld.FirstKey);

        Assert.NotNull((await client.GetNodeAsync("/models"))["data"]);
    }

    [Fact]
    public async Task Request_ForAnotherTenantsThings_FindsNothing()
    {
        var (mine, theirs) = (await world.CreateTenantAsync(), await world.CreateTenantAsync());
        using var submitted = await mine.PostNodeAsync("/tasks", new JsonObject { ["examples"] = Http.Examples() });
        var task = await submitted.ReadAsync(HttpStatusCode.Accepted);

        string[] paths =
        [
            $"/tasks/{task["id"]}", $"/tasks/{task["id"]}/events", $"/tasks/{task["id"]}/metrics", $"/tasks/{task["id"]}/runs", $"/tasks?adapter={task["adapter"]}", $"/adapters/{task["adapter"]}/aliases", $"/adapters/{task["adapter"]}", $"/adapters/{task["adapter"]}/matrix",
            $"/adapters/{task["adapter"]}/versions", $"/adapters/{task["adapter"]}/versions/1", $"/adapters/{task["adapter"]}/versions/1/download", $"/datasets/{task["datasetId"]}",
        ];
        foreach (var path in paths)
        {
            using var response = await theirs.GetAsync(path, TestContext.Current.CancellationToken);
            await response.ProblemAsync(HttpStatusCode.NotFound, "not_found");
        }

        using var cancel = await theirs.PostAsync($"/tasks/{task["id"]}/cancel", null, TestContext.Current.CancellationToken);
        using var delete = await theirs.DeleteAsync($"/adapters/{task["adapter"]}", TestContext.Current.CancellationToken);
        using var use = await theirs.PostNodeAsync("/tasks", new JsonObject { ["adapter"] = (string?)task["adapter"], ["examples"] = Http.Examples() });
        using var data = await theirs.PostNodeAsync("/tasks", new JsonObject { ["datasetId"] = (string?)task["datasetId"] });
        foreach (var response in new[] { cancel, delete, use, data }) await response.ProblemAsync(HttpStatusCode.NotFound, "not_found");
        foreach (var list in new[] { "/tasks", "/adapters", "/datasets" }) Assert.Empty((await theirs.GetNodeAsync(list))["data"]!.AsArray());
        Assert.Equal("queued", (string?)(await mine.GetNodeAsync($"/tasks/{task["id"]}"))["status"]);
    }

    [Fact]
    public async Task Key_InTheDatabase_IsOnlyAHash()
    {
        var rows = await world.WithDatabaseAsync(database => database.ApiKeys.AsNoTracking().ToListAsync());

        var row = rows.Single(key => key.KeyHash == ApiKeySecret.Hash(ApiWorld.FirstKey));
        Assert.Equal(64, row.KeyHash.Length);
        Assert.Equal("firs", row.Prefix);
    }

    [Fact]
    public async Task CreateTenant_OnTheCommandLine_PrintsAKeyThatWorks()
    {
        var (output, errors) = (new StringWriter(), new StringWriter());

        var code = await CreateTenantCommand.RunAsync(world.Services, ["create-tenant", "second"], output, errors);
        var again = await CreateTenantCommand.RunAsync(world.Services, ["create-tenant", "second"], TextWriter.Null, errors);

        Assert.Equal((0, 1), (code, again));
        using var client = world.CreateClient(output.ToString().Trim());
        Assert.NotNull((await client.GetNodeAsync("/tasks"))["data"]);
    }

    [Fact]
    public async Task Start_WithoutAnyKey_WritesOneForItsOwnerOnly()
    {
        await using var fresh = new ApiWorld(new Dictionary<string, string> { ["Auth:BootstrapKey"] = "" });
        var path = Path.Combine(fresh.DataRoot, "bootstrap-key.txt");

        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        using var client = fresh.CreateClient((await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken)).Trim());
        Assert.NotNull((await client.GetNodeAsync("/tasks"))["data"]);
    }
}
