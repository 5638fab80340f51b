using ContinualService.Engine.Kernels;
using Xunit;

namespace ContinualService.Engine.Tests.Kernels;

public sealed class WorkTeamTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Run_JobAfterJob_CallsEachPartOnceBeforeItReturns(int threads)
    {
        using var team = new WorkTeam(threads);
        foreach (var parts in Enumerable.Range(0, 300).Select(job => job % 40))
        {
            var calls = new int[parts];
            team.Run(parts, part => Interlocked.Increment(ref calls[part]));
            Assert.All(calls, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public async Task Run_TwoThreads_BothWorkHoweverLongTheHelperHadNothing()
    {
        using var team = new WorkTeam(2);
        foreach (var pause in new[] { 0, 0, 30, 0, 30 })
        {
            await Task.Delay(pause, TestContext.Current.CancellationToken); // long enough to fall asleep; nothing is concluded from it
            Meet(team);
        }
    }

    [Fact]
    public void Run_PartThrows_CallerGetsItAfterTheOthersAndTheNextJobIsDone()
    {
        using var team = new WorkTeam(2);
        var calls = 0;
        var failure = new FormatException("part 3 is wrong");

        var error = Assert.Throws<InvalidOperationException>(() => team.Run(10, part =>
        {
            Interlocked.Increment(ref calls);
            if (part == 3) throw failure;
        }));

        Assert.Same(failure, error.InnerException);
        Assert.Contains("part 3 is wrong", error.Message, StringComparison.Ordinal);
        Assert.Equal(10, calls);
        Meet(team);
    }

    [Fact]
    public void Dispose_Helpers_HaveEnded()
    {
        var team = new WorkTeam(2);
        var helper = Meet(team);

        team.Dispose();
        team.Dispose();

        Assert.False(helper.IsAlive);
    }

    [Fact]
    public void WorkTeam_NoThread_Refuses() => Assert.Throws<ArgumentOutOfRangeException>(() => new WorkTeam(0));

    /// <summary>Two parts that wait for each other end only on two threads. The one that is not the caller's.</summary>
    private static Thread Meet(WorkTeam team)
    {
        using var both = new Barrier(2);
        var workers = new Thread[2];
        team.Run(2, part =>
        {
            workers[part] = Thread.CurrentThread;
            if (!both.SignalAndWait(Patience)) throw new TimeoutException("The helper did not take the other part.");
        });
        return Assert.Single(workers, worker => worker != Thread.CurrentThread);
    }
}
