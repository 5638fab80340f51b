using ContinualService.Engine.Models;
using ContinualService.Pretrain.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Tools.Tests.Training;

public sealed class InductionHeadsTests
{
    private const int VocabularySize = 600, Length = 24;

    [Fact]
    public void Plant_FreshWeights_RankTheTokenThatFollowedBeforeFarAboveChance()
    {
        set_num_threads(1);
        Assert.InRange(ShareRankedHigh(planted: true), 0.35, 1);
        Assert.InRange(ShareRankedHigh(planted: false), 0, 0.25);
    }

    /// <summary>Random tokens, then the same tokens again: the share of the second half that is among the top tenth of the predictions.</summary>
    private static double ShareRankedHigh(bool planted)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var config = ModelConfig.Parse(ModelFolder.ConfigJson(VocabularySize), null);
        using var generator = new Generator(3, CPU);
        var weights = Decoder.CreateWeights(config, generator);
        if (planted) InductionHeads.Plant(weights, config);
        using var decoder = new Decoder(config, weights);
        var text = randperm(VocabularySize, generator: generator).narrow(0, 0, Length); // [L]
        var logits = decoder.Logits(decoder.Hidden(cat([text, text]).unsqueeze(0))).squeeze(0); // [2L, V]
        var predicting = logits.narrow(0, Length, Length - 1); // [L-1, V]: the state at each token of the repetition but the last
        var right = predicting.gather(1, text.narrow(0, 1, Length - 1).unsqueeze(1)); // [L-1, 1]
        return predicting.gt(right).to(float32).mean([1]).lt(0.1).to(float32).mean().item<float>();
    }
}
