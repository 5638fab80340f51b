using ContinualService.Worker.Upkeep;
using Xunit;

namespace ContinualService.Worker.Tests.Upkeep;

/// <summary>On SQLite and disk.</summary>
public sealed class EmbeddedObjectCollectorTests : ObjectCollectorTests
{
    public EmbeddedObjectCollectorTests()
        : base(shared: false)
    {
    }

    [Fact]
    public async Task Collect_SeveralBatches_KeepsTheOneThatIsNamed()
    {
        var named = await PutAsync("named");
        await NameAsync(named);
        foreach (var i in Enumerable.Range(0, 1100)) await PutAsync($"orphan {i}");

        var report = await Collector(TimeSpan.FromHours(25)).CollectAsync(dryRun: false, null, Token);

        Assert.Equal((1101, 1100), (report.Listed, report.Collected));
        Assert.Equal([named], await ListAsync());
    }

    [Fact]
    public async Task Verify_AlteredObject_IsToldOnce()
    {
        var (_, _, all) = await AddOneOfEachAsync();
        var path = Store.LocalPath(all[0])!;
        var bytes = await File.ReadAllBytesAsync(path, Token);
        bytes[0] ^= 1;
        await File.WriteAllBytesAsync(path, bytes, Token);
        // Named by a second row as well.
        await NameAsync(all[0]);
        var told = new List<string>();

        Assert.Equal((6, 1), await VerifyAsync(new ObjectVerifier(Contexts, Store), told));

        Assert.Contains(all[0], Assert.Single(told), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Worker_OnceItRuns_CollectsWithoutBeingAsked()
    {
        var (orphan, young) = (await PutAsync("orphan"), await PutAsync("young"));
        File.SetLastWriteTimeUtc(Store.LocalPath(orphan)!, Now.UtcDateTime.AddDays(-2));

        await Service.StartAsync();

        var began = Now;
        while (Store.LocalPath(orphan) is not null)
        {
            Assert.True(Now - began < TimeSpan.FromMinutes(1), "The orphan is still there.");
            await Task.Delay(20, Token);
        }

        Assert.Equal([young], await ListAsync());
    }
}
