using ContinualService.Bench;
using ContinualService.Bench.Continual;
using Xunit;

namespace ContinualService.Tools.Tests.Bench;

public sealed class ContinualSettingsTests
{
    [Fact]
    public void Parse_Methods_TakesOptionsAndBoundsOnceEach() => Assert.Equal(
        ["slao", "slao:init=random", "ewc:lambda=10:decay=0.5", "base", "multitask"],
        Parse("slao,slao:merge=slao,slao:init=random,ewc:decay=0.5:lambda=10,base,multitask,base").Methods);

    [Theory]
    [InlineData("magic", "slao, seqlora")]
    [InlineData("slao:init=zero", "last-fine-tune, last-merge, random")]
    [InlineData("base:lambda=1", "There is no method 'base'")]
    public void Parse_UnknownMethodOrOption_ListsThoseThereAre(string methods, string says) =>
        Assert.Contains(says, Assert.Throws<UsageException>(() => Parse(methods)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("0")]
    [InlineData("5")] // of a batch of four
    public void Parse_MicroBatchOutsideTheBatch_SaysItsBounds(string rows) =>
        Assert.Contains($"--micro-batch-size {rows}: 1 to --batch-size (4)", Assert.Throws<UsageException>(() => Parse("slao", "--micro-batch-size", rows)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("1", 1)]
    [InlineData("4", 4)]
    public void Parse_MicroBatchWithinTheBatch_IsTaken(string rows, int expected) => Assert.Equal(expected, Assert.Single(Parse("slao", "--micro-batch-size", rows).Training.MicroBatches).Rows);

    private static ContinualSettings Parse(string methods, params string[] more) => ContinualSettings.Parse(new Arguments(["--data", "d", "--model", "m", "--order", "a,b", "--method", methods, .. more]));
}
