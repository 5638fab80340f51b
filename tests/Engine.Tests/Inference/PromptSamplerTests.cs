using ContinualService.Engine.Inference;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Text;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Inference;

public sealed class PromptSamplerTests : IDisposable
{
    private const double NearlyGreedy = 1e-4;

    private static readonly int[] Before = TinyModels.Ids(4, seed: 8);

    private readonly Decoder _decoder = TinyModels.Create();

    public void Dispose() => _decoder.Dispose();

    // So cold the likeliest token is always drawn: every row is what the model writes after the beginning, token by token, however many are drawn at once.
    [Fact]
    public void Draw_WithoutHeat_GivesTheGreedyTurnAsOftenAsAsked()
    {
        int[] greedy = [.. Before];
        while (greedy.Length < 16) greedy = [.. greedy, Next(greedy)];
        // It ends where a token comes for the first time that is not the first.
        var end = Enumerable.Range(Before.Length + 2, 10).First(at => Array.IndexOf(greedy, greedy[at], Before.Length) == at);

        var prompts = Draw([greedy[end]], count: 5, maxTokens: 20);

        Assert.Equal(5, prompts.Count);
        Assert.All(prompts, prompt => Assert.Equal(greedy[..(end + 1)], prompt));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Draw_ABeginningThatLeavesNoRoom_GivesNone(int less) => Assert.Empty(Draw([3], count: 3, maxTokens: Before.Length - less));

    [Fact]
    public void Draw_TurnsThatDoNotEndInTime_AreDropped() => Assert.Empty(Draw([0], count: 3, maxTokens: 12));

    private IReadOnlyList<int[]> Draw(int[] after, int count, int maxTokens)
    {
        using var generator = new torch.Generator(1, torch.CPU);
        return PromptSampler.Draw(_decoder, null, new UserTurn(Before, after, [.. after.Select(_ => false)]), count, maxTokens, NearlyGreedy, generator, TestContext.Current.CancellationToken);
    }

    private int Next(int[] ids)
    {
        using var scope = torch.NewDisposeScope();
        return (int)_decoder.Logits(_decoder.Hidden(ConformanceCases.Ids(ids)))[0, ids.Length - 1].argmax().item<long>();
    }
}
