using ContinualService.TestKit.Cluster;
using Xunit;

namespace ContinualService.EndToEnd;

/// <summary>Api, three workers, PostgreSQL and an S3 store as processes, while all but the Api are killed, frozen and restarted.</summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    [Fact]
    public async Task SixtyTasks_WhileEverythingBreaks_EndOnceAndInTheSameBytesAsUndisturbed()
    {
        var plan = new ChaosPlan(
            Seed: 7, WorkerKills: 8, TrainingKills: 3, Freezes: 2, FreezeTime: TimeSpan.FromSeconds(8), DatabaseRestarts: 2, StorageOutages: 1, OutageTime: TimeSpan.FromSeconds(4),
            Pause: TimeSpan.FromSeconds(2.5));

        var result = await new StormTrial(new StormSettings(Workers: 3, Adapters: 12, Streams: 3, TasksPerAdapter: 5, plan), output.WriteLine)
            .RunAsync(TimeSpan.FromMinutes(7), TestContext.Current.CancellationToken);

        Assert.Empty(result.Wrong);
        Assert.Equal(plan.Total, result.Faults.Values.Sum());
        Assert.True(result.ResumedRuns > 0, "No run went on from a checkpoint.");
    }
}
