using ContinualService.Engine.Models;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Models;

public sealed class HeldMatrixTests
{
    // 8 and 32 bits a row of 512; 4 bits and 32 for each 64.
    [Theory]
    [InlineData(BaseFormat.Full, 32.0)]
    [InlineData(BaseFormat.Int8, 8.0 + 32.0 / 512)]
    [InlineData(BaseFormat.Int4, 4.5)]
    public void Of_AMatrix_TakesSoManyBits(BaseFormat format, double bits)
    {
        using var scope = NewDisposeScope();
        using var held = Held(Normal(256, 512), format);
        Assert.Equal(256 * 512 * bits / 8, held.Bytes);
        Assert.Equal(held.Bytes, WeightFormat.Of(format).Bytes(256, 512, sizeof(float)));
        Assert.Equal([256L, 512L], held.Shape);
    }

    [Fact]
    public void Whole_Int8_IsOffByHalfAStepOfItsRowAtMost()
    {
        using var scope = NewDisposeScope();
        var weight = Normal(64, 96);
        weight[3].zero_();
        weight[5].mul_(1000); // a large row costs the others nothing
        using var held = Held(weight, BaseFormat.Int8);

        var whole = held.Whole(CPU, ScalarType.Float32);

        var step = weight.abs().amax([1], keepdim: true).div(127); // [out, 1]
        Assert.True(whole.sub(weight).abs().le(step.mul(0.5001)).all().item<bool>());
        Assert.InRange(Error(whole, weight), 0.001, 0.01);
        Assert.Equal(0f, whole[3].abs().max().item<float>());
        Assert.Equal(weight.abs().max().item<float>(), whole.abs().max().item<float>(), 1e-3f);
    }

    // Groups of 64 that run across the ends of rows, and a last one that is not full; an odd width.
    [Theory]
    [InlineData(64, 96)]
    [InlineData(5, 27)]
    public void Whole_Int4_IsOffByHalfTheWidestGapOfItsGroupAtMost(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        var weight = Normal(rows, columns);
        using var held = Held(weight, BaseFormat.Int4);

        var whole = held.Whole(CPU, ScalarType.Float32);

        var (flat, error) = (weight.reshape(-1), whole.sub(weight).abs().reshape(-1));
        for (long at = 0; at < flat.numel(); at += 64)
        {
            var count = Math.Min(64, flat.numel() - at);
            var largest = flat.narrow(0, at, count).abs().max().item<float>();
            Assert.InRange(error.narrow(0, at, count).max().item<float>(), 0, NormalFloat4.LargestError * largest * 1.0001f);
        }

        Assert.InRange(Error(whole, weight), 0.06, 0.11);
    }

    [Fact]
    public void Whole_Int4OfItsOwnLevels_IsExact()
    {
        using var scope = NewDisposeScope();
        using var held = Held(Normal(8, 64), BaseFormat.Int4);
        var once = held.Whole(CPU, ScalarType.Float32);
        using var again = Held(once, BaseFormat.Int4);
        Assert.Equal(0f, again.Whole(CPU, ScalarType.Float32).sub(once).abs().max().item<float>());
    }

    [Theory]
    [InlineData(BaseFormat.Int8)]
    [InlineData(BaseFormat.Int4)]
    public void Whole_OffloadedOrComputedInBFloat16_IsTheSameButForItsRounding(BaseFormat format)
    {
        using var scope = NewDisposeScope();
        var weight = Normal(16, 64);
        using var held = Held(weight, format);
        using var offloaded = Held(weight, format, offload: true);
        var whole = held.Whole(CPU, ScalarType.Float32);
        Assert.Equal(0f, offloaded.Whole(CPU, ScalarType.Float32).sub(whole).abs().max().item<float>());
        Assert.Equal(0f, held.Whole(CPU, ScalarType.BFloat16).sub(whole.to(ScalarType.BFloat16)).abs().max().to(ScalarType.Float32).item<float>());
    }

    // What a file has in fewer bits than are computed with lies so in the host's memory, and is widened for each run.
    [Fact]
    public void Of_ANarrowFilesMatrixOffloaded_StaysNarrow()
    {
        using var scope = NewDisposeScope();
        var weight = Normal(16, 64).to(ScalarType.BFloat16);
        using var held = Held(weight, BaseFormat.Full, offload: true);
        Assert.Equal(2 * 16 * 64, held.Bytes);
        var whole = held.Whole(CPU, ScalarType.Float32);
        Assert.Equal(ScalarType.Float32, whole.dtype);
        Assert.Equal(0f, whole.sub(weight.to(ScalarType.Float32)).abs().max().item<float>());
    }

    private static HeldMatrix Held(Tensor weight, BaseFormat format, bool offload = false) => HeldMatrix.Of(weight, new BaseHolding(format, offload), CPU, ScalarType.Float32);

    private static double Error(Tensor whole, Tensor weight) => whole.sub(weight).norm().item<float>() / weight.norm().item<float>();

    private static Tensor Normal(int rows, int columns)
    {
        using var generator = new Generator(4);
        return randn([rows, columns], generator: generator);
    }
}
