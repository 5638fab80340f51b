using ContinualService.Engine.Kernels;
using Xunit;

namespace ContinualService.Engine.Tests.Kernels;

/// <summary>Against what the kernel read of the same processor.</summary>
public sealed class ProcessorTests
{
    private static readonly string CpuInfo = File.ReadAllText("/proc/cpuinfo");

    [Fact]
    public void IsIntel_AsTheKernelSays() => Assert.Equal(CpuInfo.Contains("GenuineIntel", StringComparison.Ordinal), Processor.IsIntel);

    [Fact]
    public void HasMatrixUnits_AsTheKernelSays() => Assert.Equal(CpuInfo.Contains(" amx_bf16 ", StringComparison.Ordinal), Processor.HasMatrixUnits);
}
