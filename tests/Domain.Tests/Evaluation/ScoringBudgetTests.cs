using ContinualService.Domain.Evaluation;
using Xunit;

namespace ContinualService.Domain.Tests.Evaluation;

public sealed class ScoringBudgetTests
{
    [Theory]
    [InlineData(1, 15, new[] { 10, 20 }, null)] // 30 fit exactly
    [InlineData(0.5, 29, new[] { 10, 20 }, 19)] // one less
    [InlineData(1, 15, new[] { 20, 4, 20 }, 13)] // what the short task leaves is for the others
    [InlineData(1, 15, new[] { 13, 4, 20 }, 13)]
    [InlineData(1, 15, new[] { 14, 4, 14 }, 13)]
    [InlineData(1, 15, new[] { 20, 20, 20, 20 }, 7)] // 2 are left over
    [InlineData(1, 15, new int[0], null)]
    [InlineData(0, 15, new[] { 1000, 1000 }, null)] // no limit
    [InlineData(0.1, 1, new[] { 10, 10 }, 2)] // fewer have no interval
    [InlineData(0.1, 1, new[] { 2, 1 }, null)]
    [InlineData(0.1, 1, new[] { 2, 3 }, 2)]
    [InlineData(0.29, 50, new[] { 29 }, null)] // 28.999999999999996 in binary
    [InlineData(1000, 2_000_000_000L, new[] { int.MaxValue, int.MaxValue }, null)]
    public void RowsEach_OfTheBudget_FillsAllTasksToOneHeight(double share, long rowPasses, int[] earlier, int? expected) =>
        Assert.Equal(expected, ScoringBudget.RowsEach(share, rowPasses, 0, [.. earlier.Select(rows => (rows, 1))]));

    [Theory]
    [InlineData(15, 0, 10)] // 2 m + m
    [InlineData(16, 0, 10)]
    [InlineData(17, 0, 11)]
    [InlineData(30, 0, null)]
    [InlineData(29, 0, 19)] // the short one whole
    [InlineData(15, 11, 11)] // whoever decides by them needs more than the share allows
    [InlineData(15, 20, null)]
    [InlineData(17, 5, 11)]
    public void RowsEach_OfATaskScoredTwice_CountsItTwice(long rowPasses, int leastRows, int? expected) =>
        Assert.Equal(expected, ScoringBudget.RowsEach(1, rowPasses, leastRows, [(20, 2), (20, 1)]));

    [Fact]
    public void RowsEach_ByTheDefinition_IsTheLargestThatCostsNoMore()
    {
        (int Rows, int Versions)[] earlier = [(7, 2), (3, 1), (12, 2), (9, 1), (3, 2)];
        for (var rowPasses = 8; rowPasses <= 30; rowPasses++)
        {
            var expected = Enumerable.Range(1, 12).Last(rows => earlier.Sum(task => Math.Min(rows, task.Rows) * task.Versions) <= 2 * rowPasses);
            Assert.Equal(expected, ScoringBudget.RowsEach(1, rowPasses, 0, earlier) ?? 12);
        }
    }
}
