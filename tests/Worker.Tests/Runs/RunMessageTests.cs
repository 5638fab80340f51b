using ContinualService.Domain.Tasks;
using ContinualService.Worker.Runs;
using Xunit;

namespace ContinualService.Worker.Tests.Runs;

public sealed class RunMessageTests
{
    [Fact]
    public void Line_OfAFailure_SaysItsTypeAndReadsBack()
    {
        var message = new RunMessage.Failed(TaskFailureCode.LossDiverged, "too fast", UserError: true);

        Assert.Equal("""{"type":"failed","code":"loss_diverged","message":"too fast","userError":true}""", message.ToLine());
        Assert.Equal(message, RunMessage.Parse(message.ToLine()));
    }

    [Fact]
    public void Checkpoint_Line_ReadsBack()
    {
        var message = new RunMessage.Checkpoint(7, "checkpoint-7.safetensors", "ab");

        Assert.Equal("""{"type":"checkpoint","file":"checkpoint-7.safetensors","sha256":"ab","step":7}""", message.ToLine());
        Assert.Equal(message, RunMessage.Parse(message.ToLine()));
        Assert.Equal(new RunMessage.Resumed(7), RunMessage.Parse("""{"type":"resumed","step":7}"""));
        Assert.Equal(new RunMessage.Stopped(), RunMessage.Parse("""{"type":"stopped"}"""));
    }

    [Fact]
    public void Merged_Line_ReadsBack() => Assert.Equal(new RunMessage.Merged(0.25), RunMessage.Parse(new RunMessage.Merged(0.25).ToLine()));

    [Fact]
    public void RowsAdded_Line_ReadsBack()
    {
        Assert.Equal("""{"type":"rows_added","rows":12}""", new RunMessage.RowsAdded(12).ToLine());
        Assert.Equal(new RunMessage.RowsAdded(12), RunMessage.Parse(new RunMessage.RowsAdded(12).ToLine()));
    }

    [Fact]
    public void RowsLeftOut_Line_ReadsBack() => Assert.Equal(new RunMessage.RowsLeftOut(30, 2, 140), RunMessage.Parse(new RunMessage.RowsLeftOut(30, 2, 140).ToLine()));

    [Fact]
    public void Step_WithAnInfiniteNorm_StillArrives()
    {
        var message = new RunMessage.Step(1, 2, 0.5, 1e-3, double.PositiveInfinity, 10, 0.1);

        Assert.Equal(message, RunMessage.Parse(message.ToLine()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[W1123 OMP warning]")]
    [InlineData("{\"type\":\"unheard of\"}")]
    [InlineData("{ not json")]
    public void Parse_ALineOfSomebodyElse_IsNoMessage(string line) => Assert.Null(RunMessage.Parse(line));
}
