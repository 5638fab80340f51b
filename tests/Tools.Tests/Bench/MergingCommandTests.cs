using ContinualService.Bench;
using ContinualService.Bench.Merging;
using Xunit;

namespace ContinualService.Tools.Tests.Bench;

public sealed class MergingCommandTests
{
    [Theory]
    [InlineData("--shape 3M", "15M, 110M, 1B, 8B")]
    [InlineData("--method inclora", "keeps more with every task")]
    [InlineData("--tasks 1", "from 2 on")]
    public async Task Run_WrongWord_SaysWhatThereIs(string words, string says) =>
        Assert.Contains(says, (await Assert.ThrowsAsync<UsageException>(() => MergingCommand.RunAsync(new Arguments(words.Split(' '))))).Message, StringComparison.Ordinal);
}
