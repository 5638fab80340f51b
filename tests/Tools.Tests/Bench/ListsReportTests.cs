using ContinualService.Bench.Lists;
using Xunit;

namespace ContinualService.Tools.Tests.Bench;

public sealed class ListsReportTests
{
    [Theory]
    [InlineData(5, 50, 0, true)]
    [InlineData(25, 50, 0, false)] // the median
    [InlineData(5, 150, 0, false)] // the 99th per cent
    [InlineData(5, 50, 1, false)]
    public void Keeps_LatenciesAndErrors_HoldsThemToTheLimits(double usual, double slow, int errors, bool expected)
    {
        // 97 usual answers of 100: the 99th is a slow one.
        var latencies = new Latencies(Enumerable.Repeat(usual, 97).Concat(Enumerable.Repeat(slow, 3)));
        var result = new RouteResult(new ListRoute("GET /x", _ => new Target("/x", null)), new LoadResult(latencies, errors, 1, 0, 0, 0), null, []);

        Assert.Equal(expected, ListsReport.Keeps(result));
    }
}
