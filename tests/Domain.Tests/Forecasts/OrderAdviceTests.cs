using ContinualService.Domain.Forecasts;
using Xunit;

namespace ContinualService.Domain.Tests.Forecasts;

public sealed class OrderAdviceTests
{
    [Fact]
    public void Of_Tasks_PutsFirstWhatPullsLeast()
    {
        // Against the adapter and against one another: b pulls 0.5 + 0.25, a and d 0.25 and 0, c 0.125.
        var result = new ForecastResult(3, [Task("a", 0.9), Task("b", -0.5), Task("c", -0.125), Task("d", null)],
            [[1, -0.25, 0.5, 0], [-0.25, 1, 0, 0], [0.5, 0, 1, 0], [0, 0, 0, 1]], []);

        Assert.Equal([("d", 0.0), ("c", 0.125), ("a", 0.25), ("b", 0.75)], OrderAdvice.Of(result).Select(each => (each.Task.TaskId, each.Pull)));
    }

    [Fact]
    public void Of_EqualTasks_KeepsTheirOrderAndOneTaskHasNone()
    {
        Assert.Equal(["b", "a"], OrderAdvice.Of(new ForecastResult(0, [Task("b", null), Task("a", null)], [[1, -0.5], [-0.5, 1]], [])).Select(each => each.Task.TaskId));
        Assert.Empty(OrderAdvice.Of(new ForecastResult(0, [Task("a", -1)], [[1]], [])));
    }

    private static ForecastTask Task(string id, double? cosine) => new(id, id, null, null, 1, 1, cosine is { } known ? new TaskConflict(known, 0, 0, 0, 0) : null);
}
