using ContinualService.Pretrain.Corpus;
using Xunit;

namespace ContinualService.Tools.Tests.Corpus;

public sealed class GrammarTests
{
    [Fact]
    public void Expand_NestedChoicesBoundValuesAndDigits_WritesOneOfThePossibleTexts()
    {
        var grammar = new Grammar();
        grammar.Add("[start]\n{A {animal}|One {name}}: {#3}\n[animal]\ncat\n");
        var bound = new Dictionary<string, string> { ["name"] = "Ada" };
        var texts = Enumerable.Range(0, 40).Select(seed => grammar.Expand("start", new Dice(seed), bound)).ToList();
        Assert.All(texts, text => Assert.Matches("^(A cat|One Ada): [1-9][0-9]{2}$", text));
        Assert.Contains(texts, text => text.StartsWith("A cat", StringComparison.Ordinal));
        Assert.Contains(texts, text => text.StartsWith("One Ada", StringComparison.Ordinal));
    }

    [Fact]
    public void Expand_UnknownRule_NamesIt()
    {
        var grammar = new Grammar();
        grammar.Add("[start]\n{nothing}\n");
        Assert.Contains("{nothing}", Assert.Throws<FormatException>(() => grammar.Expand("start", new Dice(1))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[start]\n{open\n")]
    [InlineData("a line outside every rule\n")]
    public void Add_MalformedSource_Throws(string source) => Assert.Throws<FormatException>(() => new Grammar().Add(source));
}
