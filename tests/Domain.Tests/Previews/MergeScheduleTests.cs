using ContinualService.Domain.Evaluation;
using ContinualService.Domain.Previews;
using Xunit;

namespace ContinualService.Domain.Tests.Previews;

public sealed class MergeScheduleTests
{
    [Theory]
    [InlineData("0.5", "0.5", new[] { .5, .5, .5 })]
    [InlineData("1", "1", new[] { 1.0, 1, 1 })]
    [InlineData("0.1", "0.1", new[] { .1, .1, .1 })] // a third of its triple is another number
    [InlineData("0.2..0.8", "0.2..0.8", new[] { .2, .5, .8 })]
    [InlineData("0.03..0.01", "0.03..0.01", new[] { .03, .02, .01 })] // 0.03 + (0.01 - 0.03) is another number
    [InlineData("1.0..-0", "1..0", new[] { 1, .5, 0 })]
    [InlineData("0.10,5E-1,0.9", "0.1,0.5,0.9", new[] { .1, .5, .9 })]
    public void Parse_AName_IsWrittenAsOneTextAndSaysEveryLayer(string text, string name, double[] layers)
    {
        var schedule = MergeSchedule.Parse(text)!;

        Assert.Equal(name, schedule.Text);
        Assert.Equal(MergeSchedule.Parse(name), schedule);
        Assert.Equal(layers, Enumerable.Range(0, 3).Select(layer => schedule.At(layer, 3)));
        Assert.Equal(schedule.Lambda ?? layers.Average(), schedule.Mean(3));
        Assert.Equal(layers.Distinct().Count() == 1 ? layers[0] : null, schedule.Lambda);
        Assert.Equal([schedule, MergeSchedule.Of(.25)], MergeSchedule.ReadAll(MergeSchedule.WriteAll([schedule, MergeSchedule.Of(.25)])));
    }

    [Theory]
    [InlineData("")]
    [InlineData("much")]
    [InlineData("-0.1")]
    [InlineData("1.1")]
    [InlineData("NaN")]
    [InlineData("0.2..")]
    [InlineData("0.1..0.2..0.3")]
    [InlineData("0.1,,0.3")]
    [InlineData("0.1..0.2,0.3")]
    public void Parse_AnythingElse_IsNone(string text) => Assert.Null(MergeSchedule.Parse(text));

    [Fact]
    public void Fits_AList_OnlyWithANumberForEachLayer()
    {
        Assert.True(MergeSchedule.Layers([.1, .2]).Fits(2));
        Assert.False(MergeSchedule.Layers([.1, .2]).Fits(3));
        Assert.True(MergeSchedule.Linear(.1, .2).Fits(3));
        Assert.Equal(.1, MergeSchedule.Linear(.1, .2).At(0, 1));
    }

    [Fact]
    public void WriteAll_OneLambda_IsTheNumberThatRowsHadBeforeThereWereSchedules() =>
        Assert.Equal("""[0,0.7071067811865475,"0.2..0.8"]""", MergeSchedule.WriteAll([MergeSchedule.Of(0), MergeSchedule.Of(1 / Math.Sqrt(2)), MergeSchedule.Linear(.2, .8)]));

    [Fact]
    public void Choose_OfEquals_TakesOneLambdaBeforeASchedule()
    {
        // The schedule's mean is the method's own lambda.
        List<MergePoint> curve = [Point(MergeSchedule.Linear(.4, .6)), Point(MergeSchedule.Of(.9))];

        Assert.Equal("0.9", new MergePolicy().Choose(curve, .5)!.Merge.Text);
        Assert.Equal("0.4..0.6", new MergePolicy().Choose([curve[0], curve[1] with { AverageAccuracy = .1 }], .5)!.Merge.Text);

        static MergePoint Point(MergeSchedule merge) => new(merge, merge.Mean(2), new MatrixCell(2, 2, .5, 4, .4, .6, "exact_match"), null, [], null, null, null, null, .5, null);
    }
}
