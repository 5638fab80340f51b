using System.Runtime.CompilerServices;
using Xunit;

namespace ContinualService.Engine.Tests.Gpu;

/// <summary>A test that needs an NVIDIA GPU and a tensor library built for it; skipped elsewhere.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GpuFactAttribute : FactAttribute
{
    public GpuFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber)
    {
        Skip = "No CUDA device: run this on a machine with an NVIDIA GPU, with libtorch's CUDA build (docs/performance.md).";
        SkipType = typeof(Gpu);
        SkipUnless = nameof(Gpu.IsThere);
    }
}
