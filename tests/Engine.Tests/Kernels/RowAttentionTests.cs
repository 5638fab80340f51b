using System.Runtime.Intrinsics;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Kernels;

/// <summary>Attention of sequences one after another against libtorch's own of each alone, and its gradients against those of libtorch's autograd.</summary>
[Collection(ThreadsCollection.Name)]
public sealed unsafe class RowAttentionTests
{
    private const int HeadCount = 4;

    // Longer and shorter than what is taken at a time: 6 and 24 queries, 16 and 32 keys.
    private static readonly int[] Lengths = [3, 1, 70, 64, 48, 33, 150, 2];

    [Theory]
    [InlineData(4, 8, null)]
    [InlineData(2, 8, null)]
    [InlineData(1, 8, null)]
    [InlineData(2, 64, null)] // heads that fill panels, that fill registers, and that fill neither
    [InlineData(2, 48, null)]
    [InlineData(2, 70, null)]
    [InlineData(2, 2, null)]
    [InlineData(4, 8, 1)]
    [InlineData(4, 8, 7)]
    [InlineData(2, 8, 32)]
    [InlineData(1, 8, 100)]
    [InlineData(4, 8, 149)]
    [InlineData(4, 8, 150)]
    public void ForwardAndBackward_RowsOfUnequalLength_EqualEachAlone(int keyHeads, int width, int? window)
    {
        using var scope = NewDisposeScope();
        var (query, key, value, upstream) = Random(keyHeads, width, float32);
        var (expected, expectedGradients) = Alone(query, key, value, upstream, keyHeads, window);
        var (config, attention) = (Config(keyHeads, width), new RowAttention(Lengths));

        var mixed = attention.Forward(config, query, key, value, window);
        var (q, k, v) = attention.Backward(config, query, key, value, upstream, window);

        Assert.InRange(Largest(expected.sub(mixed)), 0, 2e-6f);
        foreach (var (gradient, each) in expectedGradients.Zip(new[] { q, k, v })) Assert.InRange(Largest(gradient.sub(each)), 0, 1e-5f);
        Assert.True(Largest(expected) > 0.1f);
        Assert.True(Largest(expectedGradients[2]) > 0.1f);
    }

    // In both widths of registers, whichever this processor's are. Exact ones would be further from libtorch's, which is float32 as well.
    [Theory]
    [InlineData(203, 40, 1, null)]
    [InlineData(203, 40, 3, 41)]
    [InlineData(240, 64, 2, 100)]
    [InlineData(5, 64, 2, null)]
    public void ForwardAndBackward_EachWidthOfRegisters_EqualsLibtorch(int length, int width, int shared, int? window)
    {
        AssertEquals(new AttentionMath<Vector512<float>, Lanes512, float>(), length, width, shared, window);
        AssertEquals(new AttentionMath<Vector256<float>, Lanes256, float>(), length, width, shared, window);
    }

    // What is computed in float32 is rounded once, to eight bits; libtorch's is of the same numbers in float32.
    [Theory]
    [InlineData(2, 8)]
    [InlineData(2, 70)]
    public void ForwardAndBackward_BFloat16_AreThoseOfFloat32RoundedOnce(int keyHeads, int width)
    {
        using var scope = NewDisposeScope();
        var (query, key, value, upstream) = Random(keyHeads, width, bfloat16);
        var (expected, expectedGradients) = Alone(query.to(float32), key.to(float32), value.to(float32), upstream.to(float32), keyHeads, null);
        var (config, attention) = (Config(keyHeads, width), new RowAttention(Lengths));

        var mixed = attention.Forward(config, query, key, value, null);
        var (q, k, v) = attention.Backward(config, query, key, value, upstream, null);

        foreach (var (exact, each) in expectedGradients.Prepend(expected).Zip(new[] { mixed, q, k, v }))
        {
            Assert.Equal(bfloat16, each.dtype);
            Assert.InRange(Largest(exact.sub(each.to(float32)).div(exact.abs().add(1e-2f))), 1e-4f, 1f / 256); // half of the last of eight bits
        }
    }

    // A weight beyond what float32 has is none, and nothing that a token does not see reaches it.
    [Fact]
    public void Forward_ScoresFarApart_TheLargestAloneCounts()
    {
        using var scope = NewDisposeScope();
        var (query, key, value) = (full([3, 8], 40f), zeros(3, 8), arange(24, float32).view(3, 8));
        key[1] = ones(8);
        var config = Config(1, 8) with { HeadCount = 1 };

        var mixed = new RowAttention([3]).Forward(config, query, key, value, null);

        Assert.Equal(value[0].data<float>().ToArray(), mixed[0].data<float>().ToArray());
        Assert.Equal(value[1].data<float>().ToArray(), mixed[1].data<float>().ToArray());
        Assert.Equal(value[1].data<float>().ToArray(), mixed[2].data<float>().ToArray());
    }

    [Fact]
    public void ForwardAndBackward_OneThreadOrMore_GiveTheSameBits()
    {
        var (one, more) = ThreadsCollection.With(1, 3, Results);
        Assert.Equal(one, more);

        static byte[][] Results()
        {
            using var scope = NewDisposeScope();
            var (query, key, value, upstream) = Random(2, 24, float32);
            var (config, attention) = (Config(2, 24), new RowAttention(Lengths));
            var (q, k, v) = attention.Backward(config, query, key, value, upstream, 40);
            return [.. new[] { attention.Forward(config, query, key, value, 40), q, k, v }.Select(KernelBounds.Bits)];
        }
    }

    // What a thread computes in grows with the longest sequence, and not with its square.
    [Fact]
    public void Room_TwiceAsLong_IsTwiceAsLarge()
    {
        var config = Config(4, 64);

        Assert.InRange((double)RowAttention.Room(config, 8192) / RowAttention.Room(config, 4096), 1.8, 2.1);
    }

    private static void AssertEquals(AttentionMath math, int length, int width, int shared, int? window)
    {
        using var scope = NewDisposeScope();
        const float guard = 12345;
        var (query, key, value, upstream) = (KernelBounds.Random(1, length, shared * width), KernelBounds.Random(2, length, width), KernelBounds.Random(3, length, width), KernelBounds.Random(4, length, shared * width));
        Tensor[] leaves = [.. new[] { query, key, value }.Select(each => each.clone().requires_grad_(true))];
        Tensor Apart(Tensor flat) => flat.view(1, length, -1, width).transpose(1, 2);
        var expected = CausalStep.Attend(Apart(leaves[0]), Apart(leaves[1]), Apart(leaves[2]), window).transpose(1, 2).reshape(length, -1);
        expected.backward([upstream]);
        var shape = new AttentionShape(shared, shared * width, width, width, 1 / MathF.Sqrt(width), window ?? int.MaxValue);
        var (mixed, q, k, v) = (empty_like(query), empty_like(query), empty_like(key), empty_like(value));

        // Neither more than the room, nor what was there before.
        long forward = math.ForwardRoom(length, width), backward = math.BackwardRoom(length, width);
        var room = new float[Math.Max(forward, backward) + 1];
        Array.Fill(room, float.NaN);
        fixed (float* at = room)
        {
            at[forward] = guard;
            math.Forward(shape, length, At(query), At(key), At(value), At(mixed), at);
            Assert.Equal(guard, at[forward]);
            new Span<float>(room).Fill(float.NaN);
            at[backward] = guard;
            math.Backward(shape, length, At(query), At(key), At(value), At(upstream), At(q), At(k), At(v), at);
            Assert.Equal(guard, at[backward]);
        }

        Assert.InRange(Largest(expected.sub(mixed)), 0, 2e-6f);
        foreach (var (leaf, each) in leaves.Zip(new[] { q, k, v })) Assert.InRange(Largest(leaf.grad!.sub(each)), 0, 1e-5f);
    }

    private static void* At(Tensor tensor) => TensorMemory.Of(tensor);

    private static (Tensor Mixed, Tensor[] Gradients) Alone(Tensor query, Tensor key, Tensor value, Tensor upstream, int keyHeads, int? window)
    {
        Tensor[] leaves = [.. new[] { query, key, value }.Select(each => each.detach().requires_grad_(true))];
        Tensor Apart(Tensor flat, int heads) => flat.view(1, Lengths.Sum(), heads, -1).transpose(1, 2);
        var mixed = SeparateRows.Attend(Apart(leaves[0], HeadCount), Apart(leaves[1], keyHeads), Apart(leaves[2], keyHeads), Lengths, window).transpose(1, 2).reshape(Lengths.Sum(), -1);
        mixed.backward([upstream]);
        return (mixed.detach(), [.. leaves.Select(leaf => leaf.grad!)]);
    }

    // [N, H*K] and [N, G*K].
    private static (Tensor Query, Tensor Key, Tensor Value, Tensor Upstream) Random(int keyHeads, int width, ScalarType dtype)
    {
        Tensor Of(int seed, int heads) => KernelBounds.Random(seed, Lengths.Sum(), heads * width).to(dtype);
        return (Of(3, HeadCount), Of(4, keyHeads), Of(5, keyHeads), Of(6, HeadCount));
    }

    private static ModelConfig Config(int keyHeads, int width)
    {
        using var decoder = TinyModels.Create("llama");
        return decoder.Config with { HeadCount = HeadCount, KeyValueHeadCount = keyHeads, HeadWidth = width };
    }

    private static float Largest(Tensor tensor) => tensor.abs().max().item<float>();
}
