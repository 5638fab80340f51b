using Xunit;

[assembly: AssemblyFixture(typeof(ContinualService.Engine.Tests.Gpu.CudaFirst))]

namespace ContinualService.Engine.Tests.Gpu;

/// <summary>Tests on the GPU: the generator of its dropout masks, and the count of live tensors, are the whole process's, so nothing may run beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class GpuCollection
{
    public const string Name = "gpu";
}

/// <summary>Before any test: once libtorch has looked for CUDA in vain, or has computed a gradient, it looks no more, even if its CUDA library is loaded later.</summary>
public sealed class CudaFirst
{
    public CudaFirst() => Exists = Gpu.IsThere;

    public bool Exists { get; }
}
