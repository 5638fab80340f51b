using ContinualService.Engine.Data;
using CsCheck;
using Xunit;

namespace ContinualService.Engine.Tests.Data;

public sealed class DatasetSplitTests
{
    [Theory]
    [InlineData(10, 0.1, 1)]
    [InlineData(10, 0.25, 2)]
    [InlineData(10, 0.001, 1)]
    [InlineData(10, 0.999, 9)]
    [InlineData(2, 0.1, 1)]
    [InlineData(1, 0.5, 0)]
    [InlineData(10, 0, 0)]
    public void Create_DistinctRows_HoldsOutTheFraction(int rows, double fraction, int heldOut)
    {
        var split = DatasetSplit.Create(Rows(rows), fraction, seed: 7);
        Assert.Equal(heldOut, split.HeldOut.Count);
        Assert.Equal(rows - heldOut, split.Training.Count);
    }

    [Fact]
    public void Create_SameSeed_SameSplitWhateverTheOrder()
    {
        var rows = Rows(100);
        var first = DatasetSplit.Create(rows, 0.2, 42).HeldOut;
        Assert.Equal(first.ToHashSet(), DatasetSplit.Create([.. rows.Reverse()], 0.2, 42).HeldOut.ToHashSet());
        Assert.NotEqual(first.ToHashSet(), DatasetSplit.Create(rows, 0.2, 43).HeldOut.ToHashSet());
    }

    [Fact]
    public void Create_AnyRows_CoversThemAndLeaksNone()
    {
        Gen.Select(Gen.Int[0, 8].List[2, 40], Gen.Double[0.01, 0.99], Gen.Long).Sample((kinds, fraction, seed) =>
        {
            List<TaskExample> rows = [.. kinds.Select(Row)];
            var split = DatasetSplit.Create(rows, fraction, seed);
            Assert.NotEmpty(split.HeldOut);
            Assert.NotEmpty(split.Training);
            Assert.Equal(rows.Count, split.HeldOut.Count + split.Training.Count);
            if (kinds.Distinct().Count() > 1) Assert.Equal(0, DatasetSplit.CountOverlap(split.Training, split.HeldOut));
        }, iter: 1000, threads: 1);
    }

    [Fact]
    public void CountOverlap_SharedRows_CountsEvaluationRows()
    {
        Assert.Equal(2, DatasetSplit.CountOverlap([Row(1), Row(2), Row(2)], [Row(2), Row(3), Row(2)]));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1)]
    [InlineData(double.NaN)]
    public void Create_FractionOutOfRange_Throws(double fraction) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => DatasetSplit.Create(Rows(3), fraction, 0));

    private static IReadOnlyList<TaskExample> Rows(int count) => [.. Enumerable.Range(0, count).Select(Row)];

    private static TaskExample Row(int number) => TaskExample.FromPrompt(null, $"question {number}", "answer");
}
