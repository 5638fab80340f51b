using ContinualService.Engine.Inference;
using ContinualService.Engine.Tests.Models;
using Xunit;

namespace ContinualService.Engine.Tests.Inference;

public sealed class ContinuationScorerTests
{
    [Theory]
    [InlineData("qwen2", "", 0)]
    [InlineData("qwen2", "", 24)] // what they all begin with runs once
    [InlineData("mistral", """, "sliding_window": 3 """, 0)] // of the longer continuations, some tokens no longer see the prompt
    [InlineData("mistral", """, "sliding_window": 70 """, 24)]
    public void MeanLogProbabilities_OfPromptsAndContinuations_EqualThoseOfWholeSequences(string family, string more, int alike)
    {
        using var decoder = TinyModels.Create(family, more, context: 256);
        var beginning = TinyModels.Ids(alike, seed: 11);
        int[][] prompts = [[.. beginning, .. TinyModels.Ids(9)], [.. beginning, .. TinyModels.Ids(3, seed: 4)], [.. beginning, .. TinyModels.Ids(9, seed: 8)], [.. beginning, .. TinyModels.Ids(1, seed: 2)]];
        // Three beside each other, one that takes more than all of the room by itself, and one after it.
        int[][] continuations = [TinyModels.Ids(1, seed: 5), TinyModels.Ids(4, seed: 6), TinyModels.Ids(2, seed: 7), TinyModels.Ids(9, seed: 6), TinyModels.Ids(80, seed: 10), TinyModels.Ids(3, seed: 12)];

        var found = ContinuationScorer.MeanLogProbabilities(decoder, null, prompts, continuations, cancellation: TestContext.Current.CancellationToken);

        for (var prompt = 0; prompt < prompts.Length; prompt++)
        {
            for (var continuation = 0; continuation < continuations.Length; continuation++)
            {
                int[] whole = [.. prompts[prompt], .. continuations[continuation]];
                var expected = SequenceScorer.LogProbabilities(decoder, null, [whole], [prompts[prompt].Length], cancellation: TestContext.Current.CancellationToken)[0]
                    .Skip(prompts[prompt].Length).Average(value => (double)value);
                Assert.Equal(expected, found[prompt][continuation], 2e-5);
            }
        }
    }

    // Wherever it stands among the others, it sees the same.
    [Fact]
    public void MeanLogProbabilities_OfTheSameContinuationTwice_AreTheSame()
    {
        using var decoder = TinyModels.Create();
        int[] label = TinyModels.Ids(5, seed: 6);

        var found = ContinuationScorer.MeanLogProbabilities(decoder, null, [TinyModels.Ids(9), TinyModels.Ids(4)], [label, TinyModels.Ids(3), label], cancellation: TestContext.Current.CancellationToken);

        Assert.All(found, row => Assert.Equal(row[0], row[2], 1e-6));
    }

    [Fact]
    public void Pieces_OfContinuations_HaveRoomBesideEachOther()
    {
        int[][] Of(params int[] lengths) => [.. lengths.Select(length => new int[length])];

        Assert.Empty(ContinuationScorer.Pieces(Of(1, 1)));
        Assert.Equal([[0, 2]], ContinuationScorer.Pieces(Of(33, 1, 33)));
        Assert.Equal([[0], [1]], ContinuationScorer.Pieces(Of(33, 34)));
        Assert.Equal([[0], [1, 2]], ContinuationScorer.Pieces(Of(100, 2, 64)));
    }

    [Fact]
    public void MeanLogProbabilities_OfSingleTokens_NeedNoSecondPass()
    {
        using var decoder = TinyModels.Create();

        var found = ContinuationScorer.MeanLogProbabilities(decoder, null, [TinyModels.Ids(5)], [[3], [4]], cancellation: TestContext.Current.CancellationToken);

        foreach (var (token, index) in new[] { (3, 0), (4, 1) })
            Assert.Equal(SequenceScorer.LogProbabilities(decoder, null, [[.. TinyModels.Ids(5), token]], cancellation: TestContext.Current.CancellationToken)[0][5], found[0][index], 1e-5);
    }

    [Fact]
    public void MeanLogProbabilities_EmptyContinuation_IsRefused()
    {
        using var decoder = TinyModels.Create();

        Assert.Throws<ArgumentException>(() => ContinuationScorer.MeanLogProbabilities(decoder, null, [[1]], [[]], cancellation: TestContext.Current.CancellationToken));
    }
}
