using ContinualService.Domain.Tasks;
using Xunit;

namespace ContinualService.Domain.Tests.Tasks;

public sealed class MicroBatchingTests
{
    [Fact]
    public void Smaller_AgainAndAgain_HalvesThenRecomputesThenEnds()
    {
        List<string> all = [];
        // A batch of five, whatever more would be allowed.
        for (var way = new MicroBatching(1, 8, false); way is not null; way = way.Smaller(5)) all.Add(MicroBatching.Write([way]));

        Assert.Equal(["8", "3", "2", "1", "1+recompute"], all);
        Assert.Equal(new MicroBatching(7, 2, true), new MicroBatching(7, 4, true).Smaller(8));
    }

    [Theory]
    [InlineData("8", 3, "4", "8; 3:4")]
    [InlineData("8", 1, "4+recompute", "4+recompute")]
    [InlineData("8", 3, "16", "8")] // never more than before
    [InlineData("8; 37:4", 20, "6", "8; 20:6; 37:4")]
    [InlineData("8; 37:4", 20, "2", "8; 20:2")]
    [InlineData("8; 37:4", 37, "4+recompute", "8; 37:4+recompute")]
    public void With_AChange_HoldsFromItsStepOn(string before, int step, string change, string after) =>
        Assert.Equal(after, MicroBatching.Write(MicroBatching.With(MicroBatching.Read(before), MicroBatching.Read(change)[0] with { FromStep = step })));

    [Fact]
    public void At_AStep_IsWhatHoldsThere()
    {
        var all = MicroBatching.Read("8; 37:4; 40:1+recompute");
        Assert.Equal([8, 8, 4, 4, 1, 1], new[] { 1, 36, 37, 39, 40, 99 }.Select(step => MicroBatching.At(all, step).Rows));
        Assert.True(all[2].Recomputes);
    }
}
