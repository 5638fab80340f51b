using ContinualService.TestKit.Cluster;
using Xunit;

namespace ContinualService.EndToEnd;

/// <summary>
/// Api, three workers, PostgreSQL and an S3 server as processes, while all but the Api are killed, frozen and restarted. <c>bench -- chaos</c> does the same
/// for longer.
/// </summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(6);

    [Fact]
    public async Task SixtyTasks_WhileEverythingBreaks_EndOnceAndInTheSameBytesAsUndisturbed()
    {
        var plan = new ChaosPlan(
            Seed: 7, WorkerKills: 6, TrainingKills: 3, Freezes: 2, FreezeTime: TimeSpan.FromSeconds(8), DatabaseRestarts: 2, StorageOutages: 1, OutageTime: TimeSpan.FromSeconds(4),
            Pause: TimeSpan.FromSeconds(2));
        var storm = new StormTrial(new StormSettings(Workers: 3, Adapters: 12, Streams: 2, TasksPerAdapter: 5, plan), output.WriteLine);

        var result = await storm.RunAsync(Patience, TestContext.Current.CancellationToken);

        Assert.Empty(result.Wrong);
        Assert.Equal(plan.Total, result.Faults.Values.Sum());
        Assert.Equal(60, result.Runs["Succeeded"]);
        Assert.True(result.Runs.Keys.Except(["Succeeded"]).Any(), "No run was disturbed.");
        // Whether a kill meets a run that has a checkpoint already is chance; that such a run goes on from it is asserted where the kill is aimed (tests/Worker.Tests).
        output.WriteLine($"{result.ResumedRuns} runs went on from a checkpoint.");
        Assert.True(result.UnfinishedAtLastFault > 0, "The storm was over after the last task: it proves less than it could.");
    }
}
