using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Inference;

public sealed class SequenceScorerTests
{
    [Fact]
    public void LogProbabilities_OfBatch_EqualLogSoftmaxOfEachAlone()
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create("qwen2");
        int[][] sequences = [TinyModels.Ids(9), TinyModels.Ids(1), TinyModels.Ids(4, seed: 7), TinyModels.Ids(12, seed: 6)];

        var found = LogProbabilities(decoder, null, sequences);

        for (var i = 0; i < sequences.Length; i++)
        {
            var expected = decoder.Logits(decoder.Hidden(ConformanceCases.Ids(sequences[i]))).log_softmax(-1);
            Assert.Equal(sequences[i].Length, found[i].Length);
            Assert.True(float.IsNaN(found[i][0]));
            for (var t = 1; t < sequences[i].Length; t++) Assert.Equal(expected[0, t - 1, sequences[i][t]].item<float>(), found[i][t], 1e-4f);
        }
    }

    [Fact]
    public void LogProbabilities_FromAPosition_LeaveTheRestNaN()
    {
        using var decoder = TinyModels.Create();
        int[][] sequences = [TinyModels.Ids(6), TinyModels.Ids(5)];

        var found = LogProbabilities(decoder, null, sequences, [4, 9]);
        var all = LogProbabilities(decoder, null, sequences);

        Assert.All(found[0][..4], value => Assert.True(float.IsNaN(value)));
        Assert.Equal(all[0][4], found[0][4], 1e-5f);
        Assert.All(found[1], value => Assert.True(float.IsNaN(value)));
    }

    [Fact]
    public void Groups_OfAnyLengths_HoldEachIndexOnceWithinTheLimits()
    {
        var random = new Random(1);
        var lengths = Enumerable.Range(0, 200).Select(_ => random.Next(1, 300)).ToArray();

        var groups = RightPadded.Groups(lengths, 16, 1000).ToList();

        Assert.Equal(Enumerable.Range(0, 200), groups.SelectMany(group => group).Order());
        Assert.All(groups, group => Assert.True(group.Length <= 16 && group.Length * group.Max(i => lengths[i]) <= 1000));
    }

    private static float[][] LogProbabilities(Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> sequences, IReadOnlyList<int>? firstScored = null) =>
        SequenceScorer.LogProbabilities(decoder, lora, sequences, firstScored, cancellation: TestContext.Current.CancellationToken);
}
