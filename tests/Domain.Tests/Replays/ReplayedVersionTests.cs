using ContinualService.Domain.Replays;
using Xunit;

namespace ContinualService.Domain.Tests.Replays;

public sealed class ReplayedVersionTests
{
    private static readonly TrainingEnvironment Here = new("1.0, engine a", "0.1", "cpu", "some, AVX2", 4, "float32");

    [Theory]
    [InlineData(ReplayVerdict.BitIdentical)]
    [InlineData(ReplayVerdict.BitIdentical, 1.0)]
    [InlineData(ReplayVerdict.WithinTolerance, 0.1, 0.001, 0.1)]
    [InlineData(ReplayVerdict.Diverged, 0.1, 0.001, 0.11)]
    [InlineData(ReplayVerdict.Diverged, 0, 0.001)]
    [InlineData(ReplayVerdict.WithinTolerance, 0.0, 0.0)] // a zero of the other sign: not the same bits, and no distance
    public void Of_DifferingTensors_SaysHowMuchTheyAre(ReplayVerdict expected, double tolerance = 0, params double[] relative) =>
        Assert.Equal(expected, Version(1, tolerance, relative).Verdict);

    [Fact]
    public void Append_LongLineage_KeepsAllTensorsOfTheLastVersionAlone()
    {
        var json = ReplayedVersion.Append([], [Version(1, 1, 0.1, 0.3, 0.2), Version(2, 1)]);

        var versions = ReplayedVersion.Read(ReplayedVersion.Append(ReplayedVersion.Read(json), [Version(3, 1, 0.4, 0.5)]));

        Assert.Equal([1, 2, 3], versions.Select(version => version.Number));
        Assert.Equal([3, 0, 2], versions.Select(version => version.Differing));
        Assert.Equal([0.3], versions[0].Tensors.Select(tensor => tensor.Relative));
        Assert.Equal([0.4, 0.5], versions[2].Tensors.Select(tensor => tensor.Relative));
        Assert.Equal(0.5, versions[2].Most!.Relative);
        Assert.Equal(Here, versions[2].Environment);
    }

    [Fact]
    public void IdenticalAtStart_AfterADifferentOne_CountsNoMore() =>
        Assert.Equal(2, ReplayedVersion.IdenticalAtStart([Version(1, 1), Version(2, 1), Version(3, 1, 0.5), Version(4, 1)]));

    [Fact]
    public void DifferencesTo_AnotherMachine_NamesItsFields()
    {
        var there = Here with { Threads = 8, Processor = "other, AVX-512" };

        Assert.Equal([("processor", "some, AVX2", "other, AVX-512"), ("threads", "4", "8")], Here.DifferencesTo(there));
        Assert.Equal([("microBatches", "8", "4+recompute")], (Here with { MicroBatches = "8" }).DifferencesTo(Here with { MicroBatches = "4+recompute" }));
        Assert.Equal([("base", "full", "int4")], (Here with { Base = "full" }).DifferencesTo(Here with { Base = "int4" }));
        Assert.Empty(Here.DifferencesTo(Here with { MicroBatches = "8" })); // from before it was written down
        Assert.Empty(Here.DifferencesTo(TrainingEnvironment.Read(Here.Write())!));
        Assert.Equal(typeof(TrainingEnvironment).GetConstructors()[0].GetParameters().Length, Here.Fields.Count);
    }

    private static ReplayedVersion Version(int number, double tolerance, params double[] relative) => ReplayedVersion.Of(
        number, $"task_{number}", "weights", "state", Here, [.. relative.Select((value, index) => new TensorDifference($"layer{index}", "b_ft", 2 * value, value))], tolerance);
}
