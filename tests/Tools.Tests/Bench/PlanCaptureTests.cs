using ContinualService.Bench.Lists;
using Xunit;

namespace ContinualService.Tools.Tests.Bench;

public sealed class PlanCaptureTests
{
    [Fact]
    public void Parse_LogWithOtherLines_KeepsThePlansAlone()
    {
        const string log =
            "2026-01-02 03:04:05.678 UTC [12] LOG:  duration: 0.020 ms  plan:\n"
            + "\tQuery Text: SELECT 1\n"
            + "\tFROM \"Tasks\"\n"
            + "\tResult  (cost=0.00..0.01 rows=1 width=4)\n"
            + "2026-01-02 03:04:05.679 UTC [13] ERROR:  something else\n"
            + "\tof several lines\n"
            + "2026-01-02 03:04:05.680 UTC [12] LOG:  duration: 1.5 ms  plan:\n"
            + "\tQuery Text: SELECT 2\n";

        var plans = PlanCapture.Parse(log);

        Assert.Equal(["-- duration: 0.020 ms\nQuery Text: SELECT 1\nFROM \"Tasks\"\nResult  (cost=0.00..0.01 rows=1 width=4)\n", "-- duration: 1.5 ms\nQuery Text: SELECT 2\n"], plans);
    }
}
