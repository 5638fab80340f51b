using ContinualService.Engine.Evaluation;
using Xunit;

namespace ContinualService.Engine.Tests.Evaluation;

public sealed class ConfidenceIntervalTests
{
    // By the formula, z = 1.96: n = 10, p = .8 gives (.8 + .19207) / 1.38415 -+ (1.95996 / 1.38415) * sqrt(.016 + .0096037).
    [Theory]
    [InlineData(8, 10, 0.490162, 0.943318)]
    [InlineData(0, 10, 0, 0.277533)]
    [InlineData(10, 10, 0.722467, 1)]
    [InlineData(50, 100, 0.403832, 0.596168)]
    [InlineData(0, 0, 0, 1)]
    public void Wilson_Share_EqualsTheFormula(int successes, int count, double low, double high)
    {
        var interval = ConfidenceInterval.Wilson(successes, count);
        Assert.Equal(low, interval.Low, 5);
        Assert.Equal(high, interval.High, 5);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(30)]
    [InlineData(50)]
    public void Wilson_NoneOrAll_EndsAtTheShareItself(int count)
    {
        Assert.Equal(0, ConfidenceInterval.Wilson(0, count).Low);
        Assert.Equal(1, ConfidenceInterval.Wilson(count, count).High);
    }

    [Fact]
    public void Mean_FourValues_EqualsTheFormula()
    {
        // mean .5, standard deviation sqrt(.2/3), t(3) = 3.1824, over sqrt(4)
        var half = 3.1824 * Math.Sqrt(0.2 / 3) / 2;
        var interval = ConfidenceInterval.Mean([0.2, 0.4, 0.6, 0.8], weights: null, floor: 0, ceiling: 1);
        Assert.Equal(0.5 - half, interval.Low, 6);
        Assert.Equal(0.5 + half, interval.High, 6);
    }

    [Fact]
    public void Mean_ManyValues_UsesTheQuantileOfItsFreedom()
    {
        // 31 values: t(30) = 2.0423
        var values = Enumerable.Range(0, 31).Select(value => (double)value).ToList();
        var deviation = Math.Sqrt(values.Sum(value => (value - 15) * (value - 15)) / 30);
        Assert.Equal(15 + 2.0423 * deviation / Math.Sqrt(31), ConfidenceInterval.Mean(values, null, 0, double.PositiveInfinity).High, 1e-3);
    }

    [Fact]
    public void Mean_EqualWeights_ChangeNothing()
    {
        var (plain, weighted) = (ConfidenceInterval.Mean([1, 2, 4], null, -9, 9), ConfidenceInterval.Mean([1, 2, 4], [5, 5, 5], -9, 9));
        Assert.Equal(plain.Low, weighted.Low, 12);
        Assert.Equal(plain.High, weighted.High, 12);
    }

    [Fact]
    public void Mean_OneRow_SaysNothingAboutSpread()
    {
        Assert.Equal((0, 1), ConfidenceInterval.Mean([0.7], null, 0, 1));
        Assert.Equal((2.5, 2.5), ConfidenceInterval.Mean([2.5], [3], 0, double.PositiveInfinity));
    }

    [Fact]
    public void Mean_WideSpread_StaysInRange() => Assert.Equal((0, 1), ConfidenceInterval.Mean([0, 1], null, 0, 1));
}
