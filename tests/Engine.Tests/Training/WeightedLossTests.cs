using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

public sealed class WeightedLossTests
{
    [Fact]
    public void Backward_WeightsOfPositions_IsTheWeightedMeanOfTheirLosses()
    {
        using var decoder = TinyModel.Create();
        using var lora = TinyModel.FirstLora(decoder);
        int[] ids = [3, 14, 15, 9, 26];
        EncodedExample Only(int position) => new(ids, [.. ids.Select((id, t) => t == position ? id : EncodedExample.IgnoreIndex)], [], null, []);
        double Loss(EncodedExample row, double weight) => Trainer.Backward(decoder, LoraUpdate.Of(lora, decoder.Device)!, [row], weight).item<float>();
        EncodedExample both = new(ids, [-100, -100, 15, -100, 26], [], null, []) { Weights = [9, 9, 0.5f, 9, 2] };

        using var noGrad = enable_grad();
        foreach (var pair in lora.Pairs) pair.B.requires_grad_(true);

        Assert.Equal(2.5, Trainer.LossWeight(both));
        Assert.Equal(((0.5 * Loss(Only(2), 1)) + (2 * Loss(Only(4), 1))) / 2.5, Loss(both, Trainer.LossWeight(both)), 5);
    }
}
