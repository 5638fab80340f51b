using ContinualService.Domain.Tasks;
using ContinualService.Engine.Inference;
using ContinualService.Worker.Processes;
using ContinualService.Worker.Runs;
using Xunit;

namespace ContinualService.Worker.Tests;

public sealed class MemoryBudgetTests
{
    private static readonly string[] Machine = ["MemFree:        1 kB", "MemTotal:       2048 kB"];

    [Theory]
    [InlineData(2097152L)] // the machine's
    [InlineData(2097152L, "max")]
    [InlineData(2097152L, "9223372036854771712")]
    [InlineData(1048576L, "max", "1048576")]
    public void Smallest_MachineAndGroup_IsWhicheverIsLess(long expected, params string[] limits) => Assert.Equal(expected, MemoryBudget.Smallest(Machine, limits));

    [Fact]
    public void Smallest_NothingToldAtAll_IsNotKnown() => Assert.Null(MemoryBudget.Smallest([], ["max"]));

    [Fact]
    public void Bytes_OfThisMachine_AreASteadyShare()
    {
        Assert.Equal(3L << 20, MemoryBudget.Bytes(3, "cpu"));
        var share = MemoryBudget.Bytes(0, "cpu");
        Assert.True(share > 0);
        Assert.Equal(share, MemoryBudget.Bytes(0, "cpu"));
    }

    // Only the kernel's own count tells want of memory from any other kill.
    [Fact]
    public void AfterDeath_OfWantOfMemory_TheNextAttemptTakesHalf()
    {
        var way = new MicroBatching(1, 8, false);
        Assert.Equal(new OutOfMemoryEvent(6, 4, false, true), OutOfMemoryEvent.AfterDeath(137, 2, 3, way, 5));
        Assert.Equal(" The next attempt takes 1 rows at a time with gradient checkpointing.", OutOfMemoryEvent.AfterDeath(137, 2, 3, way with { Rows = 1 }, 5)!.Told());
        Assert.Null(OutOfMemoryEvent.AfterDeath(137, 3, 3, way, 5));
        Assert.Null(OutOfMemoryEvent.AfterDeath(137, null, null, way, 5));
        Assert.Null(OutOfMemoryEvent.AfterDeath(134, 2, 3, way, 5));
        Assert.Null(OutOfMemoryEvent.AfterDeath(137, 2, 3, null, 0));
        Assert.Null(OutOfMemoryEvent.AfterDeath(137, 2, 3, new MicroBatching(1, 1, true), 5));

        // While it scored, less of that is what helps.
        var scoring = OutOfMemoryEvent.AfterDeath(137, 2, 3, way, 5, new ScoringSize(4096))!;
        Assert.Equal((5, null, 2048, null), (scoring.Step, scoring.Rows, scoring.ScoredTokens, scoring.Way));
        Assert.Equal(" The next attempt scores 2048 tokens at a time.", scoring.Told());
        Assert.Null(OutOfMemoryEvent.AfterDeath(137, 2, 3, way, 5, new ScoringSize(1)));
    }

    [Theory]
    [InlineData(7L, "nr_free 1", "oom_kill 7")]
    [InlineData(null, "nr_free 1")]
    public void MemoryKills_KernelsCounters_AreRead(long? expected, params string[] counters) => Assert.Equal(expected, MemoryKills.Parse(counters));
}
