using static TorchSharp.torch;

namespace ContinualService.Engine.Tests;

public sealed class SmokeTests
{
    [Xunit.Fact]
    public void NativeLibrary_Addition_Adds()
    {
        using var sum = ones(2).add(1);
        Xunit.Assert.Equal(4f, sum.sum().item<float>());
    }
}
