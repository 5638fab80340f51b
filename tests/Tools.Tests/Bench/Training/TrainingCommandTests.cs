using System.Text.Json;
using ContinualService.Bench;
using ContinualService.Bench.Training;
using ContinualService.TestKit;
using Xunit;

namespace ContinualService.Tools.Tests.Bench.Training;

public sealed class TrainingCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("bench-training-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task RunAsync_SmallestRun_WritesTheReport()
    {
        var report = Path.Combine(_folder, "run.md");
        var data = Path.Combine(_folder, "task.jsonl");
        File.WriteAllText(data, """{"text": "a b c"}""" + "\n");
        string[] words = ["--sequence", "8", "--data", data, "--tokenizer", Checkout.PathOf("models/tiny-llama"), "--batch", "2", "--micro-batch", "1", "--steps", "1", "--threads", "1", "--report", report];

        var code = await TrainingCommand.RunAsync(new Arguments(words));

        Assert.Equal(0, code);
        Assert.Contains("tokens/s", File.ReadAllText(report), StringComparison.Ordinal);
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "run.json")));
        var ours = json.RootElement.GetProperty("ours");
        var seconds = Assert.Single(ours.GetProperty("stepSeconds").EnumerateArray()).GetDouble();
        Assert.Equal(2 * TrainingSettings.Parse(new Arguments(words)).Rows[0].Length, ours.GetProperty("tokensPerSecond").GetDouble() * seconds, 1e-6); // one step of two rows
        Assert.All(ours.GetProperty("losses").EnumerateArray(), loss => Assert.InRange(loss.GetDouble(), 9, 12)); // chance over 32,000 tokens is 10.4
        Assert.InRange(json.RootElement.GetProperty("oursShare").GetDouble(), 1e-9, 1);
        Assert.Equal(JsonValueKind.Null, ours.GetProperty("deviceBytes").ValueKind);
    }

    [Fact]
    public async Task RunAsync_WithoutThePeersInterpreter_SaysSo()
    {
        var error = await Assert.ThrowsAsync<UsageException>(() => TrainingCommand.RunAsync(new Arguments(["--peer", "--python", Path.Combine(_folder, "no-python")])));

        Assert.Contains("--python", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_WithAFailingPeer_TellsItsLastWords()
    {
        var error = await Assert.ThrowsAsync<UsageException>(() => TrainingCommand.RunAsync(new Arguments(["--peer", "--python", "false"])));

        Assert.Contains("The peer ended with code", error.Message, StringComparison.Ordinal);
    }
}
