using ContinualService.Engine.Kernels;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Kernels;

public sealed class ProductSpeedTests
{
    // Whole numbers have no quick products in libtorch on any processor.
    [Fact]
    public void Relative_OfATypeWithoutQuickProducts_IsFarBelowOne() => Assert.InRange(ProductSpeed.Relative(int32), 1e-4, 0.5);
}
