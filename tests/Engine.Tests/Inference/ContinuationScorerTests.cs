using ContinualService.Engine.Inference;
using ContinualService.Engine.Tests.Models;
using Xunit;

namespace ContinualService.Engine.Tests.Inference;

public sealed class ContinuationScorerTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(24)] // what they all begin with runs once
    public void MeanLogProbabilities_OfPromptsAndContinuations_EqualThoseOfWholeSequences(int alike)
    {
        using var decoder = TinyModels.Create("qwen2");
        var beginning = TinyModels.Ids(alike, seed: 11);
        int[][] prompts = [[.. beginning, .. TinyModels.Ids(9)], [.. beginning, .. TinyModels.Ids(3, seed: 4)], [.. beginning, .. TinyModels.Ids(9, seed: 8)], [.. beginning, .. TinyModels.Ids(1, seed: 2)]];
        int[][] continuations = [TinyModels.Ids(1, seed: 5), TinyModels.Ids(4, seed: 6), TinyModels.Ids(2, seed: 7)];

        var found = ContinuationScorer.MeanLogProbabilities(decoder, null, prompts, continuations, cancellation: TestContext.Current.CancellationToken);

        for (var prompt = 0; prompt < prompts.Length; prompt++)
        {
            for (var continuation = 0; continuation < continuations.Length; continuation++)
            {
                int[] whole = [.. prompts[prompt], .. continuations[continuation]];
                var expected = SequenceScorer.LogProbabilities(decoder, null, [whole], [prompts[prompt].Length], cancellation: TestContext.Current.CancellationToken)[0]
                    .Skip(prompts[prompt].Length).Average(value => (double)value);
                Assert.Equal(expected, found[prompt][continuation], 1e-5);
            }
        }
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
