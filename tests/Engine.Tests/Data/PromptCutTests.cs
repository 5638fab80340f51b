using ContinualService.Engine.Data;
using Xunit;

namespace ContinualService.Engine.Tests.Data;

public sealed class PromptCutTests
{
    [Fact]
    public void Apply_LongPrompt_TakesTheGapBeforeItsTail()
    {
        var row = Enumerable.Range(0, 110).ToArray(); // a prompt of 100 and an answer of 10
        var cut = PromptCut.Apply(row, 100, 20)!;
        Assert.Equal([.. Enumerable.Range(0, 48), .. Enumerable.Range(68, 42)], cut); // 32 of the prompt's tail stay
    }

    [Fact]
    public void Apply_ShortRemainder_SharesItBetweenHeadAndTail() => Assert.Equal([0, 1, 8, 9, 10], PromptCut.Apply([.. Enumerable.Range(0, 11)], 10, 6)!);

    [Fact]
    public void Apply_AnswerAloneTooLong_IsRefused() => Assert.Null(PromptCut.Apply([1, 2, 3, 4], 2, 2));

    [Fact]
    public void Apply_NoExcess_ChangesNothing() => Assert.Equal([1, 2, 3], PromptCut.Apply([1, 2, 3], 2, 0)!);
}
