using ContinualService.Bench.Lists;
using Xunit;

namespace ContinualService.Tools.Tests.Bench;

public sealed class LatenciesTests
{
    [Theory]
    [InlineData(50, 50)]
    [InlineData(99, 99)]
    [InlineData(99.5, 100)]
    [InlineData(100, 100)]
    [InlineData(0.1, 1)]
    public void Percentile_OfOneToAHundred_IsTheNearestRank(double percent, double expected) =>
        Assert.Equal(expected, new Latencies(Enumerable.Range(1, 100).Reverse().Select(value => (double)value)).Percentile(percent));

    [Fact]
    public void Percentile_OfOneValue_IsThatValue()
    {
        var one = new Latencies([7]);

        Assert.Equal((7.0, 7.0, 1), (one.Median, one.Percentile(99), one.Count));
    }

    [Fact]
    public void Percentile_OfNothing_IsNoNumber() => Assert.Equal(double.NaN, new Latencies([]).Median);

    [Theory]
    [InlineData(0)]
    [InlineData(100.1)]
    public void Percentile_OutOfRange_IsRefused(double percent) => Assert.Throws<ArgumentOutOfRangeException>(() => new Latencies([1]).Percentile(percent));
}
