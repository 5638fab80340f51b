using ContinualService.Engine.Evaluation;
using Xunit;

namespace ContinualService.Engine.Tests.Evaluation;

public sealed class AnswerTextTests
{
    [Theory]
    [InlineData("World", "world")]
    [InlineData("  Science  or\n\tTechnology. ", "science or technology")]
    [InlineData("e-mail: $5 <b>", "email 5 b")]
    [InlineData("„Zürich“…", "zürich")]
    [InlineData(" + ", "+")]
    [InlineData("5 €", "5 €")]
    [InlineData("", "")]
    public void Normalize_Answer_LowersStripsAndCollapses(string answer, string expected) => Assert.Equal(expected, AnswerText.Normalize(answer));

    [Fact]
    public void Matches_AnyGold_Counts()
    {
        Assert.True(AnswerText.Matches("Paris.", ["paris, France", "Paris"]));
        Assert.False(AnswerText.Matches("Paris, Texas", ["paris, France", "Paris"]));
        Assert.False(AnswerText.Matches("-", ["+"]));
    }
}
