using ContinualService.Engine.Training;
using ContinualService.Worker.Child;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ContinualService.Worker.Tests.Child;

public sealed class CheckpointWriterTests : IDisposable
{
    private const int Total = 100;

    private readonly FakeTimeProvider _time = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly RunFolder _folder = new();

    public void Dispose()
    {
        _stop.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Decide_BeforeItsTime_GoesOnAndThenWrites()
    {
        var writer = Writer(seconds: 30);

        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(CheckpointDecision.GoOn, writer.Decide(5, Total));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(CheckpointDecision.Write, writer.Decide(6, Total));
    }

    [Fact]
    public void Decide_AfterOneWasWritten_WaitsAsLongAgain()
    {
        var stopped = _folder.Spec(epochs: 1);
        RunFolder.Run(stopped, stopAt: _ => true);
        using var checkpoint = TrainingCheckpoint.Load(Path.Combine(stopped.OutputFolder, "checkpoint-0.safetensors"));
        var writer = Writer(seconds: 30);
        _time.Advance(TimeSpan.FromSeconds(30));

        writer.Write(checkpoint);

        Assert.Equal(CheckpointDecision.GoOn, writer.Decide(6, Total));
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(CheckpointDecision.Write, writer.Decide(7, Total));
    }

    [Fact]
    public void Decide_AfterTheLastStep_Writes() => Assert.Equal(CheckpointDecision.Write, Writer(seconds: 30).Decide(Total, Total));

    [Fact]
    public void Decide_WhereItWasResumed_DoesNotWriteTheSameAgain()
    {
        var writer = Writer(seconds: 30, resumedAt: Total);

        Assert.Equal(CheckpointDecision.GoOn, writer.Decide(Total, Total));
    }

    [Fact]
    public void Decide_ZeroSeconds_NeverWrites()
    {
        var writer = Writer(seconds: 0);

        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(CheckpointDecision.GoOn, writer.Decide(5, Total));
        Assert.Equal(CheckpointDecision.GoOn, writer.Decide(Total, Total));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(30)]
    public void Decide_ToldToStop_WritesAndStops(int seconds)
    {
        var writer = Writer(seconds);

        _stop.Cancel();

        Assert.Equal(CheckpointDecision.WriteAndStop, writer.Decide(0, Total));
        Assert.Equal(CheckpointDecision.WriteAndStop, writer.Decide(Total, Total));
    }

    private CheckpointWriter Writer(int seconds, int? resumedAt = null) =>
        new(_folder.Spec(epochs: 1) with { CheckpointSeconds = seconds }, resumedAt, new RunReporter(Stream.Null), _time, _stop.Token);
}
