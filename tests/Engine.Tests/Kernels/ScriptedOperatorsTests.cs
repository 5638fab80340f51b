using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Tests.Kernels;

/// <summary>On the CPU against the plain operators that they stand for on a GPU.</summary>
public sealed class ScriptedOperatorsTests
{
    private const double Tolerance = 1e-6;

    [Fact]
    public void RmsNorm_ValuesAndGradient_AreThePlainOnes()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var (x, weight) = (randn([5, 16], generator: generator), randn([16], generator: generator));

        AssertSame(leaf => RmsNorm.Apply(leaf, weight, 1e-5), leaf => ScriptedOperators.RmsNorm(leaf, weight, 1e-5), x);
    }

    [Fact]
    public void GroupedAttention_ValuesAndGradients_AreThoseOfCopiedKeys()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var (query, key, value) = (randn([2, 4, 7, 8], generator: generator), randn([2, 2, 7, 8], generator: generator), randn([2, 2, 7, 8], generator: generator));

        AssertSame(leaf => Copied(leaf, key, value), leaf => ScriptedOperators.GroupedAttention(leaf, key, value), query);
        AssertSame(leaf => Copied(query, leaf, value), leaf => ScriptedOperators.GroupedAttention(query, leaf, value), key);
        AssertSame(leaf => Copied(query, key, leaf), leaf => ScriptedOperators.GroupedAttention(query, key, leaf), value);
    }

    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public void LoraBackward_WhatIsAskedFor_IsAddedAndNothingElse(bool ofA, bool ofB, bool ofX)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        Tensor Random(params long[] shape) => randn(shape, generator: generator);
        var (a, b, x, gradient) = (Random(3, 16).requires_grad_(true), Random(24, 3).requires_grad_(true), Random(7, 16).requires_grad_(true), Random(7, 24));
        x.mm(a.t()).mm(b.t()).mul(0.5f).backward([gradient]);

        using var noGrad = no_grad();
        for (var call = 0; call < 4; call++)
        {
            var (sumA, sumB, sumX) = (Sum(a, ofA), Sum(b, ofB), Sum(x, ofX));
            ScriptedOperators.LoraBackward(a, b, 0.5, gradient, x, sumA, sumB, sumX);
            foreach (var (leaf, sum, asked) in new[] { (a, sumA, ofA), (b, sumB, ofB), (x, sumX, ofX) })
            {
                if (asked) Numbers.AssertClose(Doubles(leaf.grad!), Doubles(sum.sub(1)), 1e-5, $"gradient of call {call}");
                else Assert.Equal(0, sum.numel());
            }
        }
    }

    private static Tensor Sum(Tensor leaf, bool asked) => asked ? ones_like(leaf) : empty(0);

    private static Tensor Copied(Tensor query, Tensor key, Tensor value) => scaled_dot_product_attention(query, ForEachHead(key), ForEachHead(value), is_casual: true);

    private static Tensor ForEachHead(Tensor x) => x.repeat_interleave(2, 1);

    // More than once: TorchScript looks at its first calls and then compiles anew.
    private static void AssertSame(Func<Tensor, Tensor> plain, Func<Tensor, Tensor> scripted, Tensor at)
    {
        var (expected, expectedGradient) = Run(plain, at);
        for (var call = 0; call < 4; call++)
        {
            var (actual, gradient) = Run(scripted, at);
            Numbers.AssertClose(expected, actual, Tolerance, $"values of call {call}");
            Numbers.AssertClose(expectedGradient, gradient, Tolerance, $"gradient of call {call}");
        }
    }

    private static (List<double> Values, List<double> Gradient) Run(Func<Tensor, Tensor> function, Tensor at)
    {
        var leaf = at.detach().clone().requires_grad_(true);
        var result = function(leaf);
        result.square().sum().backward();
        return (Doubles(result), Doubles(leaf.grad!));
    }

    private static List<double> Doubles(Tensor values) => [.. Numbers.Of(values).Select(value => (double)value)];
}
