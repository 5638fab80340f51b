using System.Text.Json;
using ContinualService.Bench;
using ContinualService.Bench.Training;
using Xunit;

namespace ContinualService.Tools.Tests.Bench.Training;

public sealed class TrainingReportTests
{
    private static readonly TrainingFigures Ours = new("ContinualService", 600, [0.2, 0.1, 0.4], [7, 6], 3L << 30, 1L << 30) { GemmRate = 2e12, BestGemmRate = 2.5e12 };
    private static readonly TrainingFigures Peer = Ours with { Name = "PyTorch", TokensPerSecond = 400, DeviceBytes = null };

    [Theory]
    // 6 layers of 288: q, k, v, o 4 * 288^2, gate, up, down 3 * 288 * 768; head 288 * 32,000. The first q, k, v pass no gradient on. LoRA: 8 * (inputs + outputs). Attention: 6 * length * 288 a layer.
    [InlineData("15M", "all-linear", 8, 256, 1.0, (4.0 * ((6 * ((4 * 82_944) + (3 * 221_184))) + 9_216_000)) - (2.0 * 3 * 82_944) + (6.0 * 8 * 6 * ((4 * 576) + (3 * 1056))) + (6.0 * 256 * 288 * 6))]
    // Of the last layer's o, gate, up, down and of the head a quarter.
    [InlineData("15M", "all-linear", 8, 256, 0.25, (4.0 * ((5.25 * (82_944 + (3 * 221_184))) + (6 * 3 * 82_944) + (0.25 * 9_216_000))) - (2.0 * 3 * 82_944) + (6.0 * 8 * 6 * ((4 * 576) + (3 * 1056))) + (6.0 * 256 * 288 * 6))]
    // Llama 3.1 8B has 7.5e9 weights beside its embedding; LoRA on q (4096 + 4096) and v (4096 + 1024) of 32 layers.
    [InlineData("8B", "q_proj,v_proj", 16, 2048, 1.0, (4.0 * 7_504_658_432) - (2.0 * 4096 * (4096 + 2048)) + (6.0 * 16 * 32 * (8192 + 5120)) + (6.0 * 2048 * 4096 * 32))]
    public void OperationsPerToken_OfAShape_AreThoseOfItsMatrices(string shape, string targets, int rank, double length, double trained, double expected)
    {
        var config = TrainingShapes.Config(shape);

        Assert.Equal(expected, TrainingShapes.OperationsPerToken(config, TrainingShapes.Sites(config, targets.Split(',')), rank, length, trained), 1e-9 * expected);
    }

    [Fact]
    public void PerToken_OfDifferentRows_WeighsEachByItsTokens()
    {
        Assert.Equal(64, RowSizes.PerToken(RowSizes.Full(64, 2)));
        Assert.Equal((100.0 + 900) / 40, RowSizes.PerToken([new BenchRow(10, 4), new BenchRow(30, 6)]));
        Assert.Equal(10.0 / 40, RowSizes.TrainedShare([new BenchRow(10, 4), new BenchRow(30, 6)]));
    }

    [Fact]
    public void Markdown_WithAPeer_ShowsSharesAndRatio()
    {
        // 2e12 operations a second between the steps at 2e9 a token: 1000 tokens a second at most.
        var report = new TrainingReport(TrainingSettingsTests.Parse(), 2e9, Ours, Peer);

        Assert.Equal((1000, 0.6, 0.4, 1.5), (report.Limit, report.ShareOf(Ours), report.ShareOf(Peer), report.Ratio));
        Assert.Contains("| ContinualService | 600 | 60.0 % | 0.200 (0.100 - 0.400) | 3.0 | 1.00 |", report.Markdown(), StringComparison.Ordinal);
        Assert.Contains("| PyTorch | 400 | 40.0 % | 0.200 (0.100 - 0.400) | - | 1.00 |", report.Markdown(), StringComparison.Ordinal);
        Assert.Contains("2.000 TFLOP/s here (2.500 at best): at most 1000 tokens/s", report.Markdown(), StringComparison.Ordinal);
        Assert.Contains("1.50 times the peer's", report.Markdown(), StringComparison.Ordinal);
        using var json = JsonDocument.Parse(report.ToJson());
        Assert.Equal(1.5, json.RootElement.GetProperty("ratio").GetDouble());
        Assert.Equal(600, json.RootElement.GetProperty("ours").GetProperty("tokensPerSecond").GetDouble());
    }

    [Fact]
    public void Markdown_WithoutAPeer_ComparesNothing() =>
        Assert.DoesNotContain("peer", new TrainingReport(TrainingSettingsTests.Parse(), 2e9, Ours, null).Markdown(), StringComparison.Ordinal);

    [Fact]
    public void Read_OfThePeersOutput_TakesTheLastLine()
    {
        const string Answer = """{"name": "PyTorch", "tokensPerSecond": 2.5, "stepSeconds": [1], "losses": [7.5], "deviceBytes": null, "processBytes": 5}""";

        var figures = TrainingProgram.Read("a warning of some library\n" + Answer + "\n");

        Assert.Equal(("PyTorch", 2.5, 7.5, null, 5), (figures.Name, figures.TokensPerSecond, figures.Losses[0], figures.DeviceBytes, figures.ProcessBytes));
        Assert.Contains("nonsense", Assert.Throws<UsageException>(() => TrainingProgram.Read("nonsense")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Request_OfSettings_NamesWhatThePeerNeeds()
    {
        using var json = JsonDocument.Parse(TrainingProgram.Request(TrainingSettingsTests.Parse("--batch", "4", "--steps", "1", "--sequence", "16")));
        var root = json.RootElement;

        Assert.Equal((4, 4, TrainingSettings.Warmup, 16, 12), (
            root.GetProperty("batch").GetInt32(), root.GetProperty("microBatch").GetInt32(), root.GetProperty("warmup").GetInt32(), root.GetProperty("alpha").GetInt32(),
            root.GetProperty("lengths").GetArrayLength()));
        Assert.Equal((16, 15), (root.GetProperty("lengths")[0].GetInt32(), root.GetProperty("trained")[0].GetInt32()));
        Assert.Equal(288, root.GetProperty("config").GetProperty("hidden_size").GetInt32());
    }

    [Fact]
    public void Parse_OfTheProcessStatus_FindsTheLargestResidentSet() => Assert.Equal(2048L * 1024, ProcessMemory.Parse(["VmPeak:\t  9999 kB", "VmHWM:\t  2048 kB", "VmRSS:\t 1024 kB"]));
}
