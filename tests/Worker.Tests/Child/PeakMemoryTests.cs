using ContinualService.Worker.Child;
using Xunit;

namespace ContinualService.Worker.Tests.Child;

public sealed class PeakMemoryTests
{
    [Theory]
    [InlineData("VmPeak:\t  900 kB|VmHWM:\t  1024 kB|VmRSS:\t 12 kB", 1L << 20)]
    [InlineData("VmPeak:\t  900 kB", null)]
    [InlineData("VmHWM:\t  many kB", null)]
    [InlineData("VmHWM:\t  5 MB", null)]
    public void Parse_ProcessStatus_GivesTheHighWaterMark(string status, long? expected) => Assert.Equal(expected, PeakMemory.Parse(status.Split('|')));

    [Fact]
    public void Read_ThisProcess_IsAtLeastWhatItHoldsNow() => Assert.True(PeakMemory.Read() >= Environment.WorkingSet / 2);
}
