using ContinualService.Engine.Inference;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Inference;

public sealed class PrefillTests
{
    private static readonly int[] Beginning = [.. Enumerable.Range(1, 16)];

    public static TheoryData<int, int[][]> Cases => new()
    {
        { 16, [[.. Beginning, 20], [.. Beginning, 21, 22]] },
        { 16, [[.. Beginning, 20], [.. Beginning, 20]] }, // alike to the end: the last token is asked for
        { 0, [Beginning, [.. Beginning, 20]] }, // all but one of the shortest
        { 0, [[.. Beginning, 20]] }, // for one row nothing is saved
        { 0, [[2, .. Beginning], [3, .. Beginning]] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Shared_IsWhatAllBeginWith_WhereItPays(int expected, int[][] prompts) => Assert.Equal(expected, Prefill.Shared(prompts));

    [Fact]
    public void Run_PromptsThatBeginAlike_FillsEachRowWithItsOwnAndLeavesTheRoom()
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create();
        int[][] prompts = [[.. Beginning, 20], [.. Beginning, 21, 22, 23], [.. Beginning, 24]];

        var prefill = Prefill.Run(decoder, null, prompts, 5);

        using var cache = prefill.Cache;
        Assert.Equal([17, 19, 17], cache.Lengths);
        Assert.Equal(24, cache.Capacity);
        AssertEachIsItsOwn(decoder, prompts, prefill);
    }

    // More than one pass takes, in no order of their lengths; one that fills a pass by itself.
    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    public void Run_MorePromptsThanOnePassTakes_FillsEachRowWithItsOwn(int alike)
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create(context: 2048);
        var beginning = TinyModels.Ids(alike, seed: 77);
        int[][] prompts = [.. Enumerable.Range(0, 60).Select(row => (int[])[.. beginning, .. TinyModels.Ids(row == 30 ? ScoringSize.PassTokens(onCpu: true) + 5 : 1 + (row * 13 % 47), seed: row)])];

        var prefill = Prefill.Run(decoder, null, prompts, 2);

        using var cache = prefill.Cache;
        Assert.Equal(prompts.Select(prompt => prompt.Length), cache.Lengths);
        AssertEachIsItsOwn(decoder, prompts, prefill);
    }

    // What stands in the cache: the token that follows is computed with all of it.
    private static void AssertEachIsItsOwn(Decoder decoder, int[][] prompts, Prefill prefill)
    {
        var next = decoder.HiddenCached(RightPadded.Batch([.. prompts.Select(_ => new[] { 7 })], torch.CPU), prefill.Cache);
        for (var row = 0; row < prompts.Length; row++)
        {
            var alone = decoder.Hidden(torch.tensor(prompts[row].Append(7).Select(id => (long)id).ToArray()).unsqueeze(0))[0];
            Assert.True(alone[-2].allclose(prefill.Last[row], 1e-4, 1e-5), $"row {row}");
            Assert.True(alone[-1].allclose(next[row, 0], 1e-4, 1e-5), $"the token after row {row}");
        }
    }
}
