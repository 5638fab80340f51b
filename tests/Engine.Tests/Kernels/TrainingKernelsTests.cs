using ContinualService.Engine.Kernels;
using TorchSharp;
using Xunit;
using static ContinualService.Engine.Tests.Kernels.KernelBounds;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Kernels;

/// <summary>What training's kernels make of tensors: which they take, where each token goes, and the same bits on any number of threads. Their arithmetic is tested by itself.</summary>
[Collection(ThreadsCollection.Name)]
public sealed class TrainingKernelsTests
{
    private const double Epsilon = 1e-5;

    [Fact]
    public void Take_GraphOrOtherTypeOrGaps_IsLeftToLibtorch()
    {
        using var scope = NewDisposeScope();
        var (x, leaf) = (Random(1, 4, 8), Random(2, 8).requires_grad_(true));
        Assert.True(TokenKernels.Take(x));
        Assert.True(TokenKernels.Take(x.to(bfloat16)));
        Assert.False(TokenKernels.Take(x.to(float64)));
        Assert.False(TokenKernels.Take(x.t()));
        Assert.True(TokenKernels.Take(x, x));
        Assert.False(TokenKernels.Take(x, leaf));
        Assert.False(TokenKernels.Take(x, x.to(bfloat16)));
        Assert.False(TokenKernels.Take(x, x.t()));
        Assert.False(TokenKernels.Take(leaf));
        Assert.True(LowRankKernels.Take(x, x, x));
        Assert.False(LowRankKernels.Take(leaf, x, x));
        Assert.False(LowRankKernels.Take(x, leaf, x));
        Assert.False(LowRankKernels.Take(x.to(bfloat16), x, x));
        Assert.False(LowRankKernels.Take(x, x.t(), x));
        using var noGrad = no_grad();
        Assert.True(TokenKernels.Take(leaf, leaf));
        Assert.True(LowRankKernels.Take(leaf, leaf, x));

        // Up to the rank from which general products are quicker.
        foreach (var type in (ScalarType[])[float32, bfloat16])
        {
            var most = LowRankKernels.MaxRank(type, Processor.IsIntel, !ProductKernels.Pays);
            Assert.True(LowRankKernels.Take(Random(3, most, 8), x, x.to(type)));
            Assert.False(LowRankKernels.Take(Random(3, most + 1, 8), x, x.to(type)));
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32, false, true, 64)]
    [InlineData(ScalarType.Float32, true, false, 8)]
    [InlineData(ScalarType.BFloat16, false, true, 8)]
    [InlineData(ScalarType.BFloat16, true, true, 8)]
    [InlineData(ScalarType.BFloat16, true, false, 64)]
    public void MaxRank_OfAProcessor_IsWhereItsGeneralProductsBeginToBeQuicker(ScalarType type, bool isIntel, bool quickInBFloat16, int expected) =>
        Assert.Equal(expected, LowRankKernels.MaxRank(type, isIntel, quickInBFloat16));

    // Tables of each place in a row, and of each token of all rows.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Turn_SomeRowsOfHeads_EachHeadIsTurnedByItsTokensAngle(bool ofEachToken)
    {
        using var scope = NewDisposeScope();
        const int batch = 2, length = 5, heads = 3, width = 40;
        var (flat, angles) = (Random(1, batch * length, heads * width), Random(2, ofEachToken ? batch * length : length, width / 2));
        var (cos, sin) = (angles.cos(), angles.sin());

        var turned = flat.clone();
        TokenKernels.Turn(turned, heads, cos, sin, TokenKernels.Forth);

        var (c, s) = (cos.view(-1, length, 1, width / 2), sin.view(-1, length, 1, width / 2));
        var x = flat.view(batch, length, heads, width);
        var (left, right) = (x.narrow(3, 0, width / 2), x.narrow(3, width / 2, width / 2));
        var expected = cat([left * c - right * s, right * c + left * s], 3).view(flat.shape);
        Assert.InRange((expected - turned).abs().max().item<float>(), 0, 1e-6f);
        TokenKernels.Turn(turned, heads, cos, sin, TokenKernels.Back);
        Assert.InRange((flat - turned).abs().max().item<float>(), 0, 1e-6f);
    }

    [Fact]
    public void TokensAndLowRanks_OneThreadOrTwo_GiveTheSameBits()
    {
        var (one, more) = ThreadsCollection.With(1, 2, Results);
        Assert.Equal(one, more);

        static byte[][] Results()
        {
            using var scope = NewDisposeScope();
            const int tokens = 301, wide = 520, rank = 6; // more numbers than one thread takes alone
            var (x, weight, gradient, up, other) = (Random(1, tokens, wide), Random(2, wide), Random(3, tokens, wide), Random(4, tokens, wide), Random(5, tokens, wide));
            var angles = Random(6, tokens, wide / 8);
            var turned = x.clone();
            TokenKernels.Turn(turned, 4, angles.cos(), angles.sin(), TokenKernels.Forth);
            var (forNorm, forGate) = (gradient.clone(), gradient.clone());
            TokenKernels.NormGradient(x, weight, Epsilon, forNorm, up);
            var (a, b, y, sumA, sumB, sumX) = (Random(7, rank, wide), Random(8, wide, rank), other.clone(), Random(9, rank, wide), Random(10, wide, rank), other.clone());
            LowRankKernels.Add(a, b, 0.5, x, y);
            LowRankKernels.Backward(a, b, 0.5, gradient, x, sumA, sumB, sumX);
            Tensor[] results =
            [
                TokenKernels.Norm(x, weight, Epsilon), forNorm, turned, TokenKernels.Gate(x, up), TokenKernels.GateGradient(x, up, forGate), forGate, y, sumA, sumB, sumX,
            ];
            return [.. results.Select(Bits)];
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void CrossEntropy_EachTokensTargetAndWeight_IsTheScaledSumAndItsGradient(bool weighted)
    {
        using var scope = NewDisposeScope();
        const int tokens = 37, vocabulary = 83;
        var (logits, weights) = (Random(1, tokens, vocabulary) * 3, weighted ? Random(2, tokens).abs() : null);
        var targets = arange(tokens, int64).mul(11).remainder(vocabulary);
        var leaf = logits.clone().requires_grad_(true);
        var expected = (nn.functional.cross_entropy(leaf, targets, reduction: nn.Reduction.None) * (weights ?? ones(tokens))).sum() * 0.2;
        expected.backward();

        var loss = TokenKernels.CrossEntropy(logits, targets, weights, 0.2);

        Assert.Equal((float32, 1L), (loss.dtype, loss.numel()));
        Assert.Equal(expected.item<float>(), loss.item<float>(), 1e-5f);
        Assert.InRange((leaf.grad! - logits).norm().item<float>() / logits.norm().item<float>(), 0, 1e-6f);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(83)]
    public void CrossEntropy_TargetOutsideTheVocabulary_IsRefusedAndNothingChanged(long target)
    {
        using var scope = NewDisposeScope();
        var logits = Random(1, 2, 83);
        var before = Bits(logits);
        Assert.Contains($"{target} is not in a vocabulary of 83", Assert.Throws<ArgumentException>(() => TokenKernels.CrossEntropy(logits, tensor(new[] { 1, target }), null, 1)).Message, StringComparison.Ordinal);
        Assert.Equal(before, Bits(logits));
    }

    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public void LowRankBackward_WhatIsAskedFor_IsAddedAndNothingElse(bool ofA, bool ofB, bool ofX)
    {
        using var scope = NewDisposeScope();
        var (a, b, x, gradient) = (Random(1, 3, 16).requires_grad_(true), Random(2, 24, 3).requires_grad_(true), Random(3, 37, 16).requires_grad_(true), Random(4, 37, 24));
        var product = x.mm(a.t()).mm(b.t()).mul(0.5f);
        product.backward([gradient]);
        using var noGrad = no_grad();
        Tensor? Sum(Tensor leaf, bool asked) => asked ? ones_like(leaf) : null;
        var (sumA, sumB, sumX, y) = (Sum(a, ofA), Sum(b, ofB), Sum(x, ofX), ones([37, 24]));

        LowRankKernels.Add(a, b, 0.5, x, y);
        LowRankKernels.Backward(a, b, 0.5, gradient, x, sumA, sumB, sumX);

        Assert.InRange((product + 1 - y).abs().max().item<float>(), 0, 1e-5f);
        foreach (var (leaf, sum) in new[] { (a, sumA), (b, sumB), (x, sumX) })
            if (sum is not null) Assert.InRange((leaf.grad! + 1 - sum).norm().item<float>() / leaf.grad!.norm().item<float>(), 0, 1e-6f);
    }
}
