using System.Net;
using ContinualService.Infrastructure.Storage;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Api.Tests.Objects;

/// <summary>The operator's commands over the store, on a service of the test's own.</summary>
public sealed class ObjectCommandTests
{
    [Fact]
    public async Task Collect_DryRunFirst_TellsThenDeletes()
    {
        await using var world = new ApiWorld();
        var store = world.Services.GetRequiredService<IObjectStore>();
        using var stored = await world.Client.PostRowsAsync("/datasets", Http.Rows);
        var named = (string)(await stored.ReadAsync(HttpStatusCode.Created))["sha256"]!;
        var orphan = (await store.PutIfAbsentAsync(new MemoryStream([1, 2, 3]), TestContext.Current.CancellationToken)).Sha256;
        foreach (var sha256 in new[] { named, orphan }) File.SetLastWriteTimeUtc(store.LocalPath(sha256)!, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-2));

        var (dryCode, told) = await RunAsync(world, "collect", "--dry-run");
        Assert.NotNull(store.LocalPath(orphan));
        var (code, done) = await RunAsync(world, "collect");

        Assert.Equal((0, 0), (dryCode, code));
        Assert.Contains($"would delete {orphan}  3 bytes", told, StringComparison.Ordinal);
        Assert.Contains($"deleted {orphan}", done, StringComparison.Ordinal);
        Assert.Contains("deleted 1 that no row names (3 bytes); 0 could not be deleted.", done, StringComparison.Ordinal);
        Assert.Null(store.LocalPath(orphan));
        Assert.NotNull(store.LocalPath(named));
    }

    [Fact]
    public async Task Verify_MissingObject_IsNamedAndEndsWithOne()
    {
        await using var world = new ApiWorld();
        using var stored = await world.Client.PostRowsAsync("/datasets", Http.Rows);
        var dataset = await stored.ReadAsync(HttpStatusCode.Created);
        var (whole, _) = await RunAsync(world, "verify");
        await world.Services.GetRequiredService<IObjectStore>().DeleteAsync((string)dataset["sha256"]!, TestContext.Current.CancellationToken);

        var (code, told) = await RunAsync(world, "verify");

        Assert.Equal((0, 1), (whole, code));
        Assert.Contains((string)dataset["sha256"]!, told, StringComparison.Ordinal);
        Assert.Contains($"data set {dataset["id"]}", told, StringComparison.Ordinal);
        Assert.Contains("1 missing or altered.", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_NoCommand_IsLeftToTheService()
    {
        await using var world = new ApiWorld();

        Assert.Null(await OperatorCommands.RunAsync(world.Services, ["--urls", "http://127.0.0.1:0"], TextWriter.Null, TextWriter.Null));
    }

    [Fact]
    public void Settings_FlagOfACommand_IsNotTakenForTheNextArgumentsName() =>
        Assert.Equal(["collect", "--Data:Root=elsewhere"], OperatorCommands.Settings(["collect", "--dry-run", "--Data:Root=elsewhere"]));

    private static async Task<(int? Code, string Output)> RunAsync(ApiWorld world, params string[] args)
    {
        using var output = new StringWriter();
        return (await OperatorCommands.RunAsync(world.Services, args, output, output), output.ToString());
    }
}
