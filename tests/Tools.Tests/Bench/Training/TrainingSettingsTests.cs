using ContinualService.Bench;
using ContinualService.Bench.Training;
using Xunit;

namespace ContinualService.Tools.Tests.Bench.Training;

public sealed class TrainingSettingsTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Parse_Nothing_IsASmallRunOnTheCpu()
    {
        var settings = Parse();

        Assert.Equal(("15M", "cpu", "f32", 8, false), (settings.Shape, settings.Device, settings.Type, settings.Rank, settings.OnGpu));
        Assert.Equal(Enumerable.Repeat(256, 8 * (10 + TrainingSettings.Warmup)), settings.Lengths);
    }

    [Fact]
    public void Command_OfParsedSettings_ParsesToTheSame()
    {
        File.WriteAllText(_file, "5\n300\n");
        var settings = Parse("--shape", "1B", "--device", "cuda:1", "--dtype", "bf16", "--rank", "16", "--targets", "q_proj,v_proj", "--sequence", "128", "--lengths", _file, "--batch", "4", "--micro-batch", "2", "--steps", "1", "--peer");

        var again = Parse(settings.Command().Split(" -- training ")[1].Split(' '));

        Assert.Equal(settings.Command(), again.Command());
        Assert.Equal(settings.Lengths, again.Lengths);
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
    [InlineData("--lengths", "/nowhere/lengths.txt", "there is no such file")]
    [InlineData("--speed", "9", "--speed")]
    public void Parse_AWrongOption_IsRefusedByName(string option, string value, string says) =>
        Assert.Contains(says, Assert.Throws<UsageException>(() => Parse(option, value)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("12\nlong\n", "line 2")]
    [InlineData("1\n", "line 1")]
    [InlineData("\n", "no length")]
    public void Parse_AFileWithoutLengths_IsRefused(string text, string says)
    {
        File.WriteAllText(_file, text);

        Assert.Contains(says, Assert.Throws<UsageException>(() => Parse("--lengths", _file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_AFileOfLengths_GivesThemInTurnsAndCut()
    {
        File.WriteAllText(_file, "5\n\n70\n 9 \n");

        var settings = Parse("--lengths", _file, "--sequence", "64", "--batch", "2", "--steps", "1");

        Assert.Equal([5, 64, 9, 5, 64, 9], settings.Lengths);
    }

    internal static TrainingSettings Parse(params string[] words) => TrainingSettings.Parse(new Arguments(words));
}
