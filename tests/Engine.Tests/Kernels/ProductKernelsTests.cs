using System.Runtime.Intrinsics.X86;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using TorchSharp;
using Xunit;
using static ContinualService.Engine.Tests.Kernels.KernelBounds;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Kernels;

/// <summary>Products in panels against the same in float64, and where they are taken.</summary>
[Collection(ThreadsCollection.Name)]
public sealed class ProductKernelsTests
{
    // It is no public function of libtorch: a version that has none is to be noticed here.
    [Fact]
    public void IsThere_WhereverTheProcessorHasItsRegisters() => Assert.Equal(Avx512F.IsSupported, Brgemm.IsThere);

    // Tokens, inner and outer width: less and more than a block, a panel's columns and its depth, and more than is widened at once.
    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 1, 1 },
        { 63, 40, 64 },
        { 64, 64, 128 },
        { 127, 100, 77 },
        { 200, 1_030, 65 },
        { 300, 9_000, 70 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Multiply_AnyShape_IsTheProductRoundedOnceOrAdded(int tokens, int inner, int outer)
    {
        using var scope = NewDisposeScope();
        var (x, weight, before) = (Random(1, tokens, inner).to(bfloat16), Random(2, inner, outer).to(bfloat16), Random(3, tokens, outer).to(bfloat16));
        var (product, sizes) = (x.to(float64).mm(weight.to(float64)), x.to(float64).abs().mm(weight.to(float64).abs()));
        var (flat, turned, added) = (empty_like(before), empty_like(before), before.clone());

        ProductKernels.Multiply(x, weight, turned: false, flat, add: false);
        ProductKernels.Multiply(x, weight.t().contiguous(), turned: true, turned, add: false);
        ProductKernels.Multiply(x, weight, turned: false, added, add: true);

        AssertWithin(product, flat, sizes, inner);
        Assert.Equal(Bits(flat), Bits(turned));
        AssertWithin(product + before.to(float64), added, sizes + before.to(float64).abs(), inner + 1);
    }

    // Neither side is rounded: the bits are those of the same numbers in bfloat16, before their rounding.
    [Theory]
    [MemberData(nameof(Shapes))]
    public void Multiply_TokensOrResultInFloat32_IsTheSameProduct(int tokens, int inner, int outer)
    {
        using var scope = NewDisposeScope();
        var (x, weight) = (Random(1, tokens, inner).to(bfloat16), Random(2, inner, outer).to(bfloat16));
        var (wide, rounded, exact) = (zeros(tokens, outer), x.new_empty(tokens, outer), x.to(float64).mm(weight.to(float64)));

        ProductKernels.Multiply(x, weight, turned: false, wide, add: false);
        ProductKernels.Multiply(x.to(float32), weight, turned: false, rounded, add: false);

        AssertWithin(exact, wide, x.to(float64).abs().mm(weight.to(float64).abs()), inner);
        Assert.Equal(Bits(wide.to(bfloat16)), Bits(rounded));
    }

    [Fact]
    public void Multiply_TokensBesideOthersOnMoreThreads_HaveTheSameBits()
    {
        using var scope = NewDisposeScope();
        const int inner = 600, outer = 700; // enough for two threads
        var (x, weight) = (Random(1, 171, inner).to(bfloat16), Random(2, inner, outer).to(bfloat16));
        var (all, some, threads) = (x.new_empty(171, outer), x.new_empty(21, outer), get_num_threads());
        try
        {
            set_num_threads(2);
            ProductKernels.Multiply(x, weight, turned: false, all, add: false);
            set_num_threads(1);
            ProductKernels.Multiply(x.narrow(0, 150, 21), weight, turned: false, some, add: false);
        }
        finally
        {
            set_num_threads(threads);
        }

        Assert.Equal(Bits(all.narrow(0, 150, 21)), Bits(some));
    }

    // By panels or, of few tokens and on another processor, by libtorch.
    [Theory]
    [InlineData(70, true)]
    [InlineData(70, false)]
    [InlineData(ProductKernels.LeastTokens - 1, true)]
    [InlineData(ProductKernels.LeastTokens - 1, false)]
    public void Linear_OfBFloat16_IsTheLayerAndItsGradient(int tokens, bool biased)
    {
        using var scope = NewDisposeScope();
        var (x, weight, bias) = (Random(1, tokens, 96).to(bfloat16), Random(2, 130, 96).to(bfloat16), Random(3, 130).to(bfloat16));
        var (gradient, sum) = (Random(4, tokens, 130).to(bfloat16), Random(5, tokens, 96).to(bfloat16));
        var before = sum.to(float64);

        var y = ProductKernels.Linear(x, weight, biased ? bias : null);
        var (back, added) = (ProductKernels.LinearBack(gradient, weight, null), ProductKernels.LinearBack(gradient, weight, sum));

        var none = biased ? bias.to(float64) : zeros(130, float64);
        AssertWithin(x.to(float64).mm(weight.to(float64).t()) + none, y, x.to(float64).abs().mm(weight.to(float64).abs().t()) + none.abs(), 97);
        var (input, sizes) = (gradient.to(float64).mm(weight.to(float64)), gradient.to(float64).abs().mm(weight.to(float64).abs()));
        AssertWithin(input, back, sizes, 130);
        AssertWithin(input + before, added, sizes + before.abs(), 131);
        Assert.Same(sum, added);
        AssertWithin(x.to(float64).mm(weight.to(float64).t()), ProductKernels.WideLinear(x, weight).to(bfloat16), x.to(float64).abs().mm(weight.to(float64).abs().t()), 96);
        Assert.Equal(float32, ProductKernels.WideLinear(x, weight).dtype);
        Assert.Equal(bfloat16, ProductKernels.LinearBack(gradient.to(float32), weight, null).dtype);
        Assert.Equal(Bits(back), Bits(ProductKernels.LinearBack(gradient.to(float32), weight, null)));
    }

    // Of 2^21 numbers at once, or of 256 tokens; a panel of up to 1,024 and its results for each thread.
    [Theory]
    [InlineData(100, 900, 1, (100 * 900) + (1 * (912 + 100) * 64))]
    [InlineData(5_000, 900, 2, (1 << 21) + (2 * (912 + 5_000) * 64))]
    [InlineData(1_000, 30_000, 3, (256 * 30_000) + (3 * (1_024 + 1_000) * 64))]
    public void Room_OfTheWidestLayer_IsWhatALaneComputesIn(int tokens, int widest, int threads, long expected)
    {
        var model = new ModelConfig { ModelType = "llama", VocabularySize = 10, HiddenSize = 64, IntermediateSize = widest, LayerCount = 1, HeadCount = 2, KeyValueHeadCount = 1, HeadWidth = 32, MaxPositions = 64 };

        Assert.Equal(expected, ProductKernels.Room(model, tokens, threads));
        Assert.Equal(expected, ProductKernels.Room(model with { HiddenSize = widest, IntermediateSize = 64 }, tokens, threads));
        Assert.Equal(expected, ProductKernels.Room(model with { HeadWidth = widest / 2, IntermediateSize = 64 }, tokens, threads));
    }

    [Fact]
    public void Takes_OfAProcessorThatGains_BFloat16OfEnoughTokensWithoutAGraph()
    {
        using var scope = NewDisposeScope();
        var (x, weight) = (Random(1, ProductKernels.LeastTokens, 8).to(bfloat16), Random(2, 4, 8).to(bfloat16));

        Assert.True(ProductKernels.Takes(x, weight, pays: true));
        Assert.False(ProductKernels.Takes(x, weight, pays: false));
        Assert.False(ProductKernels.Takes(x.narrow(0, 1, ProductKernels.LeastTokens - 1), weight, pays: true));
        Assert.False(ProductKernels.Takes(x.unsqueeze(1), weight, pays: true));
        Assert.False(ProductKernels.Takes(x.to(float32), weight.to(float32), pays: true));
        Assert.True(ProductKernels.Takes(x.to(float32), weight, pays: true));
        Assert.False(ProductKernels.Takes(x, weight.to(float32), pays: true));
        Assert.False(ProductKernels.Takes(x, weight.clone().requires_grad_(true), pays: true));
        Assert.False(ProductKernels.Takes(x, weight.t().contiguous().t(), pays: true));
        Assert.False(ProductKernels.Takes(x.t().contiguous().t(), weight, pays: true));
        Assert.False(ProductKernels.Takes(x.clone().requires_grad_(true), weight, pays: true));
    }
}
