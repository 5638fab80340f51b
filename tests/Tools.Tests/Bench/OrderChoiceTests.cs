using ContinualService.Bench;
using ContinualService.Bench.Continual;
using Xunit;

namespace ContinualService.Tools.Tests.Bench;

public sealed class OrderChoiceTests
{
    [Theory]
    [InlineData("O1", "O1_standard")]
    [InlineData("O1,O2_other", "O1_standard O2_other")]
    [InlineData("all", "O1_standard O2_other")]
    [InlineData("b,a", "b-a")]
    [InlineData("a", "a")]
    public void Of_NamesOrTasks_GivesOrders(string order, string names) => Assert.Equal(names, string.Join(' ', OrderChoice.Of(Settings(order), new Source()).Select(each => each.Name)));

    [Theory]
    [InlineData("O3", "O1_standard, O2_other; tasks: a, b")]
    [InlineData("O1,a", "'O1' is neither")]
    [InlineData(",", "no task")]
    public void Of_Others_SaysWhatThereIs(string order, string says) =>
        Assert.Contains(says, Assert.Throws<UsageException>(() => OrderChoice.Of(Settings(order), new Source())).Message, StringComparison.Ordinal);

    [Fact]
    public void Of_FileOfOrders_TakesThePlaceOfTheFoldersOwn()
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, """{"mine": ["b", "a"]}""");
            var mine = Assert.Single(OrderChoice.Of(ContinualSettings.Parse(new Arguments(["--data", "d", "--model", "m", "--orders", file])), new Source()));
            Assert.Equal(("mine", "b a"), (mine.Name, string.Join(' ', mine.Tasks)));

            File.WriteAllText(file, """["b"]""");
            Assert.Contains("JSON object like", Assert.Throws<UsageException>(() => OrderChoice.Of(ContinualSettings.Parse(new Arguments(["--data", "d", "--model", "m", "--orders", file])), new Source())).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static ContinualSettings Settings(string order) => ContinualSettings.Parse(new Arguments(["--data", "d", "--model", "m", "--order", order]));

    private sealed class Source : ITaskSource
    {
        public IReadOnlyDictionary<string, IReadOnlyList<string>> Orders { get; } = new Dictionary<string, IReadOnlyList<string>> { ["O1_standard"] = ["a", "b"], ["O2_other"] = ["b", "a"] };

        public IReadOnlyList<string> TaskNames => ["a", "b"];

        public BenchTask Read(string name) => throw new NotSupportedException();
    }
}
