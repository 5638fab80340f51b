using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Api.Tests.Storage;

[Collection(LearnedCollection.Name)]
public sealed class StorageTests(LearnedWorld world)
{
    // Rank 4 on all seven layers of both blocks of the tiny model: 4 (16+16+16+16+16+16+24) and 4 (16+8+8+16+24+24+16) numbers a block.
    private const long ElementsOfA = 2 * 4 * 120;
    private const long ElementsOfB = 2 * 4 * 112;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Storage_OfSlao_IsTheSameForEveryVersionAndWhatTheFormulaSays()
    {
        var storage = await world.Client.GetNodeAsync("/adapters/bot/storage");

        Assert.True((bool)storage["constantPerTask"]!);
        var versions = storage["versions"]!.AsArray();
        Assert.Equal([(1, true), (2, false), (3, false), (4, true)], versions.Select(version => ((int)version!["number"]!, (bool)version["onPath"]!)));
        var state = (await world.Client.GetByteArrayAsync("/adapters/bot/versions/4/download?format=state", Token)).Length;
        var weights = (long)(await world.Client.GetNodeAsync("/adapters/bot/versions/4"))["sizeBytes"]!;
        foreach (var version in versions)
        {
            Assert.Equal([("weights", weights), ("state", state)], version!["parts"]!.AsArray().Select(part => ((string)part!["kind"]!, (long)part["bytes"]!)));
            Assert.Equal((weights + state, 4 * (ElementsOfA + 2 * ElementsOfB)), ((long)version["bytes"]!, (long)version["formulaBytes"]!));
            Assert.Equal((int)version["number"]! * (weights + state), (long)version["cumulativeBytes"]!);
        }

        var formula = storage["state"]!;
        Assert.Equal($$"""{"a_ft":{{ElementsOfA}},"b_ft":{{ElementsOfB}},"b_merge":{{ElementsOfB}}}""", formula["tensors"]!.ToJsonString());
        Assert.Equal(state - 4 * (ElementsOfA + 2 * ElementsOfB), (long)formula["headerBytes"]!);
        Assert.Equal((long)formula["bytesAfterOneTask"]!, (long)formula["bytesAfterThousandTasks"]!);
        Assert.False((bool)formula["growsWithTasks"]!);
    }

    [Fact]
    public async Task Storage_OfAMethodThatGrows_SaysSoOfTheStoredBytes()
    {
        var storage = await world.Client.GetNodeAsync("/adapters/sums/storage");

        Assert.False((bool)storage["constantPerTask"]!);
        var sizes = storage["versions"]!.AsArray().Select(version => (long)version!["parts"]![1]!["bytes"]!).ToList();
        Assert.Contains(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{sizes[0]:n0} bytes in version 1 (i = 1) and {sizes[1]:n0} in version 2 (i = 2)"), (string?)storage["verdict"], StringComparison.Ordinal);
        Assert.True((bool)storage["state"]!["growsWithTasks"]!);
        Assert.Equal(4 * (ElementsOfA + ElementsOfB), (long)storage["state"]!["bytesAfterOneTask"]!);
        Assert.Equal(1000 * 4 * (ElementsOfA + ElementsOfB), (long)storage["state"]!["bytesAfterThousandTasks"]!);
    }

    [Fact]
    public async Task Storage_CountsRowsAndSharedBytes_TaskByTask()
    {
        var storage = await world.Client.GetNodeAsync("/adapters/bot/storage");

        var tasks = storage["tasks"]!.AsArray();
        Assert.Equal(["training", "training", "merge_preview", "training"], tasks.Select(task => (string?)task!["kind"]));
        // Base and own; base, before and two after; two of the adopted version; base, before and two after.
        Assert.Equal([2, 4, 2, 4], tasks.Select(task => (int)task!["rows"]!["cells"]!));
        Assert.Equal([1, 1, 1, 1], tasks.Select(task => (int)task!["rows"]!["versions"]!));
        Assert.Equal(0, (int)tasks[2]!["rows"]!["steps"]!);
        var adapterId = (string)storage["adapterId"]!;
        var counted = await world.Api.WithDatabaseAsync(async database =>
        {
            var ids = database.Tasks.Where(row => row.AdapterId == adapterId).Select(row => row.Id);
            return await ids.CountAsync(Token) + await database.Runs.CountAsync(row => ids.Contains(row.TaskId), Token) + await database.TaskEvents.CountAsync(row => ids.Contains(row.TaskId), Token)
                + await database.StepMetrics.CountAsync(row => ids.Contains(row.TaskId), Token) + await database.MatrixCells.CountAsync(row => row.AdapterId == adapterId, Token)
                + await database.Versions.CountAsync(row => row.AdapterId == adapterId, Token);
        });
        Assert.Equal((counted, counted), ((int)tasks[^1]!["cumulativeRows"]!, (int)storage["totals"]!["rows"]!));

        // The preview scores the rows of its task, which are stored once.
        Assert.Equal(tasks[1]!["parts"]!.ToJsonString(), tasks[2]!["parts"]!.ToJsonString());
        var parts = storage["versions"]!.AsArray().Concat(tasks).SelectMany(each => each!["parts"]!.AsArray()).Select(part => (Sha256: (string)part!["sha256"]!, Bytes: (long)part["bytes"]!)).ToList();
        var (named, held) = (parts.Sum(part => part.Bytes), parts.DistinctBy(part => part.Sha256).Sum(part => part.Bytes));
        Assert.Equal((held, named, named - held), ((long)storage["totals"]!["bytes"]!, (long)storage["totals"]!["namedBytes"]!, (long)storage["totals"]!["sharedBytes"]!));
        Assert.True(named - held >= tasks[2]!["parts"]!.AsArray().Sum(part => (long)part!["bytes"]!));
        Assert.Empty(storage["totals"]!["missing"]!.AsArray());
    }

    [Fact]
    public async Task Storage_OfRowsWhoseTimeIsOver_SaysWhatTheNextPassFrees()
    {
        var before = await world.Client.GetNodeAsync("/adapters/sums/storage");
        var steps = before["tasks"]!.AsArray().Select(task => (int)task!["rows"]!["steps"]!).ToList();
        Assert.Equal((90, 0, steps.Sum()), ((int)before["retention"]!["stepMetricDays"]!, (int)before["retention"]!["stepsDue"]!, (int)before["retention"]!["stepsLater"]!));
        var taskId = (string)before["tasks"]![0]!["taskId"]!;
        await EndedAsync(TimeSpan.FromDays(-91));
        try
        {
            var storage = await world.Client.GetNodeAsync("/adapters/sums/storage");

            Assert.Equal((steps[0], steps[1], 0), ((int)storage["retention"]!["stepsDue"]!, (int)storage["retention"]!["stepsLater"]!, (int)storage["retention"]!["eventsDue"]!));
        }
        finally
        {
            await EndedAsync(TimeSpan.FromDays(91));
        }

        Task<bool> EndedAsync(TimeSpan later) => world.Api.WithDatabaseAsync(async database =>
        {
            var task = await database.Tasks.SingleAsync(row => row.Id == taskId, Token);
            task.FinishedAt += later;
            return await database.SaveChangesAsync(Token) > 0;
        });
    }

    [Fact]
    public async Task Storage_WithAnObjectGone_NamesItAndSaysNothingOfTheRest()
    {
        var sha256 = (string)(await world.Client.GetNodeAsync("/adapters/sums/storage"))["versions"]![1]!["parts"]![1]!["sha256"]!;
        var path = world.Api.Services.GetRequiredService<IObjectStore>().LocalPath(sha256)!;
        File.Move(path, path + ".aside");
        try
        {
            var storage = await world.Client.GetNodeAsync("/adapters/sums/storage");

            Assert.Null(storage["constantPerTask"]);
            Assert.Contains("Version 2 has an object that the store does not hold", (string?)storage["verdict"], StringComparison.Ordinal);
            Assert.Equal([sha256], storage["totals"]!["missing"]!.AsArray().Select(missing => (string?)missing));
            Assert.Null(storage["state"]!["headerBytes"]);
        }
        finally
        {
            File.Move(path + ".aside", path);
        }
    }

    [Fact]
    public async Task Storage_BeforeThereIsSomethingToCompare_SaysWhatToSend()
    {
        using var client = await world.Api.CreateTenantAsync();
        await client.CreateAdapterAsync("new");

        var storage = await client.GetNodeAsync("/adapters/new/storage");

        Assert.Null(storage["constantPerTask"]);
        Assert.Contains("Send a second task", (string?)storage["verdict"], StringComparison.Ordinal);
        Assert.Null(storage["state"]);
        foreach (var path in new[] { "/adapters/bot/storage", "/adapters/bot/lineage", "/adapters/none/storage" })
        {
            using var foreign = await client.GetAsync(path, Token);
            await foreign.ProblemAsync(HttpStatusCode.NotFound, "not_found");
        }
    }
}
