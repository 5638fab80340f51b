using System.Net;
using ContinualService.Domain.Tenants;
using Xunit;

namespace ContinualService.Api.Tests.Tenants;

[Collection(ApiCollection.Name)]
public sealed class KeyTests(ApiWorld world)
{
    [Fact]
    public async Task Keys_Rotated_NeverLeaveTheTenantWithoutOne()
    {
        var name = "rotating-" + Guid.NewGuid().ToString("N");
        using var old = world.CreateClient((await RunAsync("create-tenant", name)).Output.Trim());

        var made = await RunAsync("create-key", name);
        using var fresh = world.CreateClient(made.Output.Trim());
        Assert.Equal((0, HttpStatusCode.OK, HttpStatusCode.OK), (made.Code, await StatusAsync(old), await StatusAsync(fresh)));

        var listed = (await RunAsync("list-keys", name)).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, listed.Length);
        Assert.All(listed, line => Assert.Contains("  good  ", line, StringComparison.Ordinal));
        var oldId = listed[0].Split(' ')[0];
        Assert.Equal(0, (await RunAsync("revoke-key", oldId)).Code);
        Assert.Equal(0, (await RunAsync("revoke-key", oldId)).Code);

        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.OK), (await StatusAsync(old), await StatusAsync(fresh)));
        listed = (await RunAsync("list-keys", name)).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("  revoked 20", listed[0], StringComparison.Ordinal);
        Assert.EndsWith("  good  further", listed[1], StringComparison.Ordinal);
        var audit = (await fresh.GetNodeAsync("/audit"))["data"]!.AsArray();
        Assert.Equal(["key.revoke", "key.create", "key.create"], audit.Select(entry => (string?)entry!["action"]));
        Assert.All(audit, entry => Assert.Equal(AuditEntry.Operator, (string?)entry!["actor"]));
        Assert.Equal(oldId, (string?)audit[0]!["subject"]);
    }

    [Fact]
    public async Task RevokeKey_TheLastOne_SaysHowToMakeAnother()
    {
        var name = "lonely-" + Guid.NewGuid().ToString("N");
        await RunAsync("create-tenant", name);
        var keyId = (await RunAsync("list-keys", name)).Output.Split(' ')[0];

        var (code, _, errors) = await RunAsync("revoke-key", keyId);

        Assert.Equal(0, code);
        Assert.Contains("no good key left: create-key tnt_", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "no tenant 'nobody'", "create-key", "nobody")]
    [InlineData(1, "no tenant 'nobody'", "list-keys", "nobody")]
    [InlineData(1, "no key with the id 'key_0'", "revoke-key", "key_0")]
    [InlineData(2, "create-key TENANT", "create-key")]
    [InlineData(2, "list-keys TENANT", "list-keys", "--Data:Root=x")]
    [InlineData(2, "revoke-key KEY_ID", "revoke-key")]
    public async Task Command_WithoutItsSubject_SaysWhatToDo(int expected, string said, params string[] args)
    {
        var (code, output, errors) = await RunAsync(args);

        Assert.Equal((expected, ""), (code, output));
        Assert.Contains(said, errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Audit_PagedAndFiltered_ShowsOnesOwnNewestFirst()
    {
        using var client = await world.CreateTenantAsync();
        foreach (var name in (string[])["one", "two", "three"])
        {
            using var made = await client.PostTextAsync("/adapters", $$"""{"name": "{{name}}"}""");
            await made.ReadAsync(HttpStatusCode.Created);
        }

        var all = (await client.GetNodeAsync("/audit"))["data"]!.AsArray();
        var first = await client.GetNodeAsync("/audit?action=adapter.create&limit=2");
        var second = await client.GetNodeAsync($"/audit?action=adapter.create&limit=2&cursor={first["nextCursor"]}");

        Assert.Equal(["adapter.create", "adapter.create", "adapter.create", "key.create"], all.Select(entry => (string?)entry!["action"]));
        Assert.Equal(["id", "actor", "action", "subject", "reason", "createdAt"], all[0]!.AsObject().Select(member => member.Key));
        Assert.Equal(all.Take(3).Select(entry => (string?)entry!["id"]), first["data"]!.AsArray().Concat(second["data"]!.AsArray()).Select(entry => (string?)entry!["id"]));
        Assert.Null(second["nextCursor"]);
        Assert.StartsWith("key_", (string?)all[0]!["actor"], StringComparison.Ordinal);
    }

    private async Task<(int? Code, string Output, string Errors)> RunAsync(params string[] args)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        return (await OperatorCommands.RunAsync(world.Services, args, output, errors), output.ToString(), errors.ToString());
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client)
    {
        using var response = await client.GetAsync("/tasks", TestContext.Current.CancellationToken);
        return response.StatusCode;
    }
}
