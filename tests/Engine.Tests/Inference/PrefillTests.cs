using ContinualService.Engine.Inference;
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
        for (var row = 0; row < prompts.Length; row++)
        {
            var alone = decoder.Hidden(torch.tensor(prompts[row].Select(id => (long)id).ToArray()).unsqueeze(0))[0, -1];
            Assert.True(alone.allclose(prefill.Last[row], 1e-5, 1e-6), $"row {row}");
        }
    }
}
