using ContinualService.Bench;
using ContinualService.Bench.Training;
using ContinualService.TestKit;
using Xunit;

namespace ContinualService.Tools.Tests.Bench.Training;

public sealed class TrainingSettingsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("bench-settings-").FullName;
    private readonly string _file;

    public TrainingSettingsTests() => _file = Path.Combine(_folder, "task.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Parse_Nothing_IsASmallRunOnTheCpu()
    {
        var settings = Parse();

        Assert.Equal(("15M", "cpu", "f32", 8, false), (settings.Shape, settings.Device, settings.Type, settings.Rank, settings.OnGpu));
        Assert.Equal(Enumerable.Repeat(new BenchRow(256, 255), 8 * (10 + TrainingSettings.Warmup)), settings.Rows);
    }

    [Fact]
    public void Command_OfParsedSettings_ParsesToTheSame()
    {
        File.WriteAllText(_file, Rows("a b", "a b c"));
        var settings = Parse("--shape", "1B", "--device", "cuda:1", "--dtype", "bf16", "--rank", "16", "--targets", "q_proj,v_proj", "--sequence", "128", "--data", _file, "--tokenizer", Tokenizer, "--batch", "4", "--micro-batch", "2", "--steps", "1", "--peer");

        var again = Parse(settings.Command().Split(" -- training ")[1].Split(' '));

        Assert.Equal(settings.Command(), again.Command());
        Assert.Equal(settings.Rows, again.Rows);
        Assert.True(again.Peer && again.OnGpu);
    }

    [Theory]
    [InlineData("--shape", "2M", "--shape")]
    [InlineData("--device", "gpu", "--device")]
    [InlineData("--device", "cuda:x", "--device")]
    [InlineData("--dtype", "f16", "--dtype")]
    [InlineData("--rank", "0", "--rank")]
    [InlineData("--targets", "w_proj", "--targets")]
    [InlineData("--sequence", "1", "--sequence")]
    [InlineData("--sequence", "9000", "--sequence")]
    [InlineData("--batch", "0", "--batch")]
    [InlineData("--micro-batch", "9", "--micro-batch")]
    [InlineData("--micro-batch", "0", "--micro-batch")]
    [InlineData("--steps", "0", "--steps")]
    [InlineData("--data", "/nowhere/task.jsonl", "there is no such file")]
    [InlineData("--speed", "9", "--speed")]
    public void Parse_AWrongOption_IsRefusedByName(string option, string value, string says) =>
        Assert.Contains(says, Assert.Throws<UsageException>(() => Parse(option, value)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"text": 5}""", "line 1")]
    [InlineData("", "task.jsonl")]
    public void Parse_AFileThatIsNoTask_IsRefused(string text, string says)
    {
        File.WriteAllText(_file, text);

        Assert.Contains(says, Assert.Throws<UsageException>(() => Parse("--data", _file, "--tokenizer", Tokenizer)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_WithoutTheTokenizersFolder_SaysSo()
    {
        File.WriteAllText(_file, Rows("a b"));

        Assert.Contains("--tokenizer /nowhere", Assert.Throws<UsageException>(() => Parse("--data", _file, "--tokenizer", "/nowhere")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_AnswersOfATask_TrainsThemAloneAndCutsPrompts()
    {
        File.WriteAllText(_file, """{"prompt": "Which city is it, the one that we saw on the way to the coast last year?", "completion": "Oslo"}""" + "\n" + """{"prompt": "Is it?", "completion": "Oslo"}""" + "\n");

        var rows = Parse("--data", _file, "--tokenizer", Tokenizer, "--sequence", "20", "--batch", "3", "--steps", "1").Rows;

        Assert.Equal(3 * (1 + TrainingSettings.Warmup), rows.Count);
        Assert.Equal(20, rows[0].Length);
        Assert.InRange(rows[1].Length, 5, 19);
        Assert.Equal(rows[0].Trained, rows[1].Trained);
        Assert.InRange(rows[0].Trained, 1, 6);
        Assert.Equal(rows[0], rows[2]);
    }

    private static readonly string Tokenizer = Checkout.PathOf("models/tiny-llama");

    private static string Rows(params string[] texts) => string.Join('\n', texts.Select(text => $$"""{"text": "{{text}}"}"""));

    internal static TrainingSettings Parse(params string[] words) => TrainingSettings.Parse(new Arguments(words));
}
