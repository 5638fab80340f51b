using ContinualService.Engine.Kernels;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Kernels;

public sealed class LargePagesTests
{
    [Fact]
    public void Take_Weights_AreTheSameInOnePieceOfMemoryAndTheOldOnesAreGone()
    {
        using var scope = NewDisposeScope();
        var weights = new Dictionary<string, Tensor> { ["a"] = randn(3, 5), ["b"] = randn(7), ["c"] = randn(2, 2, 2) };
        var expected = weights.ToDictionary(pair => pair.Key, pair => (pair.Value.shape, Values: pair.Value.data<float>().ToArray()));

        var taken = LargePages.Take(weights);

        Assert.Equal(expected.Keys, taken.Keys);
        foreach (var (name, (shape, values)) in expected)
        {
            Assert.Equal(shape, taken[name].shape);
            Assert.Equal(values, taken[name].data<float>().ToArray());
            Assert.Equal(0, CpuKernels.Address(taken[name]) % 64); // a cache line
            Assert.True(weights[name].IsInvalid);
        }
    }

    [Fact]
    public void Take_ManyWeights_LieInMemoryThatAsksForLargePages()
    {
        Assert.SkipUnless(Directory.Exists("/sys/kernel/mm/transparent_hugepage"), "This system knows no large pages.");
        using var scope = NewDisposeScope();
        var taken = LargePages.Take(new Dictionary<string, Tensor> { ["a"] = ones(1 << 20), ["b"] = ones(3 << 20) });

        var middle = CpuKernels.Address(taken["b"]) + (4 << 20);
        var flags = "";
        var inside = false;
        foreach (var line in File.ReadLines("/proc/self/smaps"))
        {
            var range = line.Split(' ')[0].Split('-');
            if (range.Length == 2 && !line.Contains("kB", StringComparison.Ordinal)) inside = middle >= Convert.ToInt64(range[0], 16) && middle < Convert.ToInt64(range[1], 16);
            else if (inside && line.StartsWith("VmFlags:", StringComparison.Ordinal)) flags = line;
        }

        Assert.Contains(" hg", flags, StringComparison.Ordinal);
    }
}
