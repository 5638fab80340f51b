using ContinualService.Engine.Evaluation;
using Xunit;

namespace ContinualService.Engine.Tests.Evaluation;

public sealed class RougeLTests
{
    // Each checked by hand: common / answer words, common / gold words, F1.
    [Theory]
    [InlineData("the cat sat", "the cat sat", 1.0)]
    [InlineData("The cats were sitting on the mats.", "A cat sat on the mat", 2 * (4 / 7.0) * (4 / 6.0) / (4 / 7.0 + 4 / 6.0))] // cat on the mat
    [InlineData("He quickly ran to the stores", "he runs quickly to a store", 4 / 6.0)] // he quickli to store
    [InlineData("relational databases store relations", "A relational database stores the relation", 2 * 1.0 * (4 / 6.0) / (1 + 4 / 6.0))]
    [InlineData("b a", "a b", 0.5)]
    [InlineData("nothing in common", "altogether different", 0.0)]
    [InlineData("", "something", 0.0)]
    [InlineData("don't", "don t", 1.0)]
    [InlineData("B-12, U.S.", "b 12 u s", 1.0)]
    public void Score_OneGold_IsTheF1OfTheLongestCommonSubsequence(string answer, string gold, double expected) =>
        Assert.Equal(expected, RougeL.Score(answer, [gold]), 12);

    [Fact]
    public void Score_SeveralGolds_TakesTheBest() => Assert.Equal(1, RougeL.Score("two words", ["one", "two words", "two"]));

    [Fact]
    public void Score_GoldOfAnotherScript_ComparesWhole()
    {
        Assert.Equal(1, RougeL.Score("東京。", ["東京"]));
        Assert.Equal(0, RougeL.Score("京都", ["東京"]));
    }

    [Fact]
    public void Words_ShortWords_AreNotStemmed() => Assert.Equal(["was", "his", "run"], RougeL.Words("was his RUNNING"));
}
