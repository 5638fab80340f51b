using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Kernels;

/// <summary>Attention of sequences one after another against libtorch's own of each alone, and its gradients against those of libtorch's autograd.</summary>
public sealed class RowAttentionTests
{
    private const int HeadCount = 4;
    private const int HeadWidth = 8;

    // Longer and shorter than the queries that are taken at a time, 64 divided by the query heads of a key head, and at least 32.
    private static readonly int[] Lengths = [3, 1, 70, 64, 64, 33, 150, 2];

    [Theory]
    [InlineData(4, null, 1 << 20)]
    [InlineData(2, null, 1 << 20)]
    [InlineData(1, null, 1 << 20)]
    [InlineData(4, 1, 1 << 20)]
    [InlineData(4, 7, 1 << 20)]
    [InlineData(2, 64, 1 << 20)]
    [InlineData(1, 100, 1 << 20)]
    [InlineData(4, 149, 1 << 20)]
    [InlineData(4, 150, 1 << 20)]
    [InlineData(4, null, 64 * 64 * 3)] // three heads, then one
    [InlineData(2, 40, 1)]
    public void ForwardAndBackward_RowsOfUnequalLength_EqualEachAlone(int keyHeads, int? window, int mostScores)
    {
        using var scope = NewDisposeScope();
        var (query, key, value, upstream) = Random(keyHeads, float32);
        var (expected, expectedGradients) = Alone(query, key, value, upstream, window);
        var attention = new RowAttention(Lengths, Config(keyHeads), float32, mostScores);

        // More than once: TorchScript looks at its first calls and then compiles anew.
        for (var call = 0; call < 4; call++)
        {
            var mixed = attention.Forward(query, key, value, window);
            var (q, k, v) = attention.Backward(query, key, value, upstream, window);

            Assert.InRange(Largest(expected.sub(mixed)), 0, 2e-6f);
            foreach (var (gradient, each) in expectedGradients.Zip(new[] { q, k, v })) Assert.InRange(Largest(gradient.sub(each)), 0, 1e-5f);
        }

        Assert.True(Largest(expected) > 0.1f);
        Assert.True(Largest(expectedGradients[2]) > 0.1f);
    }

    [Fact]
    public void Forward_WithAGraph_AutogradGivesTheSameGradients()
    {
        using var scope = NewDisposeScope();
        var (query, key, value, upstream) = Random(keyHeads: 2, float32);
        var attention = new RowAttention(Lengths, Config(2), float32);
        Tensor[] leaves = [.. new[] { query, key, value }.Select(each => each.detach().requires_grad_(true))];

        attention.Forward(leaves[0], leaves[1], leaves[2], 50).backward([upstream]);
        var (q, k, v) = attention.Backward(query, key, value, upstream, 50);

        foreach (var (leaf, each) in leaves.Zip(new[] { q, k, v })) Assert.InRange(Largest(leaf.grad!.sub(each)), 0, 1e-5f);
    }

    // Scores are rounded to eight bits there, which libtorch's own keeps wider.
    [Fact]
    public void ForwardAndBackward_BFloat16_AreThoseOfFloat32AsFarAsEightBitsGo()
    {
        using var scope = NewDisposeScope();
        var (query, key, value, upstream) = Random(keyHeads: 2, bfloat16);
        var (expected, expectedGradients) = Alone(query.to(float32), key.to(float32), value.to(float32), upstream.to(float32), null);
        var attention = new RowAttention(Lengths, Config(2), bfloat16);

        var mixed = attention.Forward(query, key, value, null);
        var (q, k, v) = attention.Backward(query, key, value, upstream, null);

        foreach (var (gradient, each) in expectedGradients.Prepend(expected).Zip(new[] { mixed, q, k, v }))
        {
            Assert.Equal(bfloat16, each.dtype);
            Assert.InRange(gradient.sub(each.to(float32)).norm().item<float>() / gradient.norm().item<float>(), 1e-4f, 1e-2f);
        }
    }

    private static (Tensor Mixed, Tensor[] Gradients) Alone(Tensor query, Tensor key, Tensor value, Tensor upstream, int? window)
    {
        Tensor[] leaves = [.. new[] { query, key, value }.Select(each => each.detach().requires_grad_(true))];
        var mixed = SeparateRows.Attend(leaves[0], leaves[1], leaves[2], Lengths, window);
        mixed.backward([upstream]);
        return (mixed.detach(), [.. leaves.Select(leaf => leaf.grad!)]);
    }

    // [1, H or G, N, K], a token's heads beside each other.
    private static (Tensor Query, Tensor Key, Tensor Value, Tensor Upstream) Random(int keyHeads, ScalarType dtype)
    {
        using var generator = new Generator(3UL, CPU);
        Tensor Of(int heads) => randn([1, Lengths.Sum(), heads, HeadWidth], float32, generator: generator).to(dtype).transpose(1, 2);
        return (Of(HeadCount), Of(keyHeads), Of(keyHeads), Of(HeadCount));
    }

    private static ModelConfig Config(int keyHeads)
    {
        using var decoder = TinyModels.Create("llama");
        return decoder.Config with { HeadCount = HeadCount, KeyValueHeadCount = keyHeads, HeadWidth = HeadWidth };
    }

    private static float Largest(Tensor tensor) => tensor.abs().max().item<float>();
}
