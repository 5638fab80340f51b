using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

public sealed class MaskedCrossEntropyTests
{
    // Of 512 lanes each takes one row at a time; of 128 four, and one that is left over.
    [Theory]
    [InlineData(512, false)]
    [InlineData(128, true)]
    public void Of_ManyPieces_IsThatOfOne(int lanes, bool weighted)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModel.Create();
        using var generator = new Generator(3, CPU);
        var hidden = randn([9, decoder.Config.HiddenSize], generator: generator);
        var (targets, weights) = (arange(9, int64).mul(5), weighted ? rand([9], generator: generator) : null);

        var (loss, gradient) = MaskedCrossEntropy.Of(decoder, hidden, targets, weights, 7);
        var (ofPieces, gradientOfPieces) = MaskedCrossEntropy.Of(decoder, hidden, targets, weights, 7, lanes);

        Assert.Equal(loss.item<float>(), ofPieces.item<float>(), 1e-6f);
        Assert.InRange((gradient - gradientOfPieces).norm().item<float>() / gradient.norm().item<float>(), 0, 1e-6f);
        Assert.True(gradient.abs().sum(1).gt(0).all().item<bool>()); // of every row
    }
}
