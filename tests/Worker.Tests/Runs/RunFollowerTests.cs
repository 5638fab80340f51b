using ContinualService.Worker.Runs;
using Xunit;

namespace ContinualService.Worker.Tests.Runs;

public sealed class RunFollowerTests
{
    [Fact]
    public void Describe_UnhandledException_SaysItsMessageAndBlamesNobodyElse()
    {
        var tail = "some library: a warning\nUnhandled exception. System.InvalidOperationException: the rows are gone\n   at A.B()\n   at C.D()";

        var told = RunFollower.Describe(134, tail);

        Assert.Equal("The training process ended: it aborted (exit code 134). It said: Unhandled exception. System.InvalidOperationException: the rows are gone", told);
    }

    [Fact]
    public void Describe_NativeAbort_SaysTheLastLines() =>
        Assert.EndsWith(
            "It said: terminate called after throwing an instance of 'c10::Error' what(): out of range",
            RunFollower.Describe(134, "terminate called after throwing an instance of 'c10::Error'\n  what(): out of range"), StringComparison.Ordinal);

    [Fact]
    public void Describe_Silence_SaysOnlyHowItEnded() =>
        Assert.Equal("The training process ended: exit code 3.", RunFollower.Describe(3, ""));
}
