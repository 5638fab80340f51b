using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Storage;
using ContinualService.Worker.Runs;
using ContinualService.Worker.Upkeep;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Worker.Tests.Upkeep;

/// <summary>What is deleted and what never is, wherever rows and objects are kept.</summary>
public abstract class ObjectCollectorTests : UpkeepTests
{
    private static readonly TimeSpan Old = TimeSpan.FromHours(25);
    private static readonly TimeSpan Young = TimeSpan.FromHours(23);

    private protected ObjectCollectorTests(bool shared)
        : base(shared)
    {
    }

    [Fact]
    public async Task Collect_OldObjectThatNoRowNames_DeletesItAlone()
    {
        var named = (await AddOneOfEachAsync()).Objects;
        Assert.Equal(6, named.Count);
        var orphan = await PutAsync("orphan");
        var heard = new List<string>();

        var report = await Collector(Old).CollectAsync(dryRun: false, found => heard.Add(found.Sha256), Token);

        Assert.Equal(named, await ListAsync());
        Assert.Equal([orphan], heard);
        Assert.Equal((7, 1, "orphan".Length, 0), (report.Listed, report.Collected, report.CollectedBytes, report.Failed));
    }

    [Fact]
    public async Task Collect_YoungObject_IsSpared()
    {
        await PutAsync("orphan");

        var report = await Collector(Young).CollectAsync(dryRun: false, null, Token);

        Assert.Equal((1, 0), (report.Listed, report.Collected));
        Assert.Single(await ListAsync());
    }

    [Fact]
    public async Task Collect_DryRun_TellsAndDeletesNothing()
    {
        var orphan = await PutAsync("orphan");
        var heard = new List<string>();

        var report = await Collector(Old).CollectAsync(dryRun: true, found => heard.Add(found.Sha256), Token);

        Assert.Equal([orphan], heard);
        Assert.Equal(1, report.Collected);
        Assert.Equal([orphan], await ListAsync());
    }

    [Fact]
    public async Task Collect_CheckpointOfAFinishedTask_IsDeletedAndNotBefore()
    {
        var (taskId, _, all) = await AddOneOfEachAsync();
        await Collector(Old).CollectAsync(dryRun: false, null, Token);
        Assert.Equal(all, await ListAsync());
        await using (var database = Service.Open())
        {
            var task = await database.Tasks.SingleAsync(row => row.Id == taskId, Token);
            await RunRecords.EndAsync(database, task, LearningTaskStatus.Failed, Now, Token);
            await database.SaveChangesAsync(Token);
        }

        var report = await Collector(Old).CollectAsync(dryRun: false, null, Token);

        Assert.Equal((1, "checkpoint".Length), (report.Collected, report.CollectedBytes));
    }

    [Fact]
    public async Task Collect_BytesOfADeletedFile_AreDeletedUnlessAnotherRowNamesThem()
    {
        await AddOneOfEachAsync();
        var sent = await PutAsync("sent");
        await NameAsync(sent);
        await using var database = Service.Open();
        await database.Files.ExecuteDeleteAsync(Token);
        Assert.Equal(0, (await Collector(Old).CollectAsync(dryRun: false, null, Token)).Collected);
        await database.Datasets.Where(row => row.Sha256 == sent).ExecuteDeleteAsync(Token);

        var report = await Collector(Old).CollectAsync(dryRun: false, null, Token);

        Assert.Equal((1, "sent".Length), (report.Collected, report.CollectedBytes));
    }

    [Fact]
    public async Task Collect_NamedAfterTheBatchWasLookedUp_IsSpared()
    {
        var (first, second) = (await PutAsync("one"), await PutAsync("two"));
        string? spared = null;
        var store = new HookedStore(Store)
        {
            // While the pass is at one of the two, a row comes that names the other.
            OnStat = async sha256 =>
            {
                if (spared is not null) return;
                spared = sha256 == first ? second : first;
                await NameAsync(spared);
            },
        };

        await Collector(Old, store).CollectAsync(dryRun: false, null, Token);

        Assert.Equal([spared!], await ListAsync());
    }

    [Fact]
    public async Task Collect_PutAgainAfterTheListing_IsSpared()
    {
        var orphan = await PutAsync("orphan");
        var store = new HookedStore(Store) { ListedOlderBy = Old };

        var report = await Collector(TimeSpan.Zero, store).CollectAsync(dryRun: false, null, Token);

        Assert.Equal(0, report.Collected);
        Assert.Equal([orphan], await ListAsync());
    }

    [Fact]
    public async Task Collect_OneThatCannotBeDeleted_KeepsNobodyFromTheRest()
    {
        var stubborn = await PutAsync("stubborn");
        await PutAsync("one");
        await PutAsync("two");
        var store = new HookedStore(Store) { OnDelete = sha256 => sha256 == stubborn ? throw new IOException("The disk says no.") : Task.CompletedTask };

        var report = await Collector(Old, store).CollectAsync(dryRun: false, null, Token);

        Assert.Equal((3, 2, 1), (report.Listed, report.Collected, report.Failed));
        Assert.Equal([stubborn], await ListAsync());
    }

    [Fact]
    public async Task Collect_StoreThatIsGone_EndsThePassAndTheNextGoesOn()
    {
        await PutAsync("one");
        await PutAsync("two");
        var asked = 0;
        var store = new HookedStore(Store) { OnDelete = _ => ++asked == 2 ? throw new ObjectStoreUnavailableException("It is gone.") : Task.CompletedTask };

        await Assert.ThrowsAsync<ObjectStoreUnavailableException>(() => Collector(Old, store).CollectAsync(dryRun: false, null, Token));

        Assert.Single(await ListAsync());
        Assert.Equal(1, (await Collector(Old, store).CollectAsync(dryRun: false, null, Token)).Collected);
        Assert.Empty(await ListAsync());
    }

    [Fact]
    public async Task Verify_MissingObjects_AreToldWithWhoNamesThem()
    {
        var (taskId, adapterId, all) = await AddOneOfEachAsync();
        var verifier = new ObjectVerifier(Contexts, Store);
        Assert.Equal((6, 0), await VerifyAsync(verifier, []));
        foreach (var sha256 in all) await Store.DeleteAsync(sha256, Token);
        var told = new List<string>();

        Assert.Equal((6, 6), await VerifyAsync(verifier, told));

        Assert.All(all, sha256 => Assert.Single(told, line => line.Contains(sha256, StringComparison.Ordinal)));
        Assert.Contains(told, line => line.EndsWith($"weights of version 1 of adapter {adapterId}, made by task {taskId}", StringComparison.Ordinal));
        Assert.Contains(told, line => line.EndsWith($"training state of version 1 of adapter {adapterId}, made by task {taskId}", StringComparison.Ordinal));
        Assert.Contains(told, line => line.Contains($"checkpoint of task {taskId}", StringComparison.Ordinal));
        Assert.Contains(told, line => line.Contains($"bytes of file {FileId}", StringComparison.Ordinal));
        Assert.Equal(2, told.Count(line => line.Contains("rows of data set", StringComparison.Ordinal) && line.EndsWith($"used by {taskId}", StringComparison.Ordinal)));
    }

    [Fact]
    public void NamedObjects_AgainstTheModel_ForgetNoColumn()
    {
        // Hashes that name no object: of a chat template's text and of a request's body.
        string[] others = ["Adapter.TemplateSha256", "IdempotencyRecord.RequestSha256"];
        using var database = Service.Open();

        var hashes = database.Model.GetEntityTypes().SelectMany(type => type.GetProperties(), (type, property) => $"{type.ClrType.Name}.{property.Name}")
            .Where(name => name.Contains("Sha256", StringComparison.Ordinal)).Except(others);

        Assert.Equal(["AdapterVersion.Sha256", "AdapterVersion.StateSha256", "Dataset.Sha256", "FileRecord.Sha256", "TaskCheckpoint.Sha256"], hashes.Order(StringComparer.Ordinal));
    }

    private protected static async Task<(long Objects, long Damaged)> VerifyAsync(ObjectVerifier verifier, List<string> told)
    {
        var report = await verifier.VerifyAsync((fault, namers) => told.Add(fault + " " + string.Join("; ", namers)), Token);
        return (report.Objects, report.Damaged);
    }
}
