using ContinualService.Domain.Replays;
using ContinualService.Worker.Child;
using ContinualService.Worker.Runs;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace ContinualService.Worker.Tests.Child;

/// <summary>Runs on a base that is held narrow or elsewhere, in this process.</summary>
public sealed class HeldBaseRunTests : IDisposable
{
    private readonly RunFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_ANarrowBase_IsRecordedScoredInFullAndReplayedToTheBit()
    {
        var full = _folder.Spec(2);
        var narrow = _folder.Spec(2) with { Base = "int4" };
        RunFolder.Run(full);
        var (finished, said) = RunFolder.Run(narrow);

        Assert.True(finished);
        var (whole, result) = (Result(full), Result(narrow));
        Assert.Equal(("full", "4"), (whole.Environment.Base, whole.Environment.MicroBatches));
        Assert.Equal(("int4", "4+recompute"), (result.Environment.Base, result.Environment.MicroBatches));
        Assert.Equal((true, false), (said.OfType<RunMessage.Memory>().Single().Way.Recomputes, said.OfType<RunMessage.Memory>().Single().Whole));
        // The bare base's score is that of the whole one; the tasks were learned on two, and end near each other.
        Assert.Equal(Score(whole, ScoredWeights.Base), Score(result, ScoredWeights.Base));
        Assert.NotEqual(RunFolder.State(full), RunFolder.State(narrow));
        Assert.Equal(Score(whole, ScoredWeights.Candidate), Score(result, ScoredWeights.Candidate), 0.01);

        var part = new ReplayPart(1, narrow.TaskId, narrow.Train, narrow.Hyperparameters, [], null, RunFolder.StoredState(narrow), result.Environment.MicroBatches, Base: "int4");
        var replayed = Assert.Single(RunFolder.Run(_folder.Spec(2) with { Replay = new ReplaySpec([part], 1e-3) }).Said.OfType<RunMessage.Replayed>()).Version;
        Assert.Equal((ReplayVerdict.BitIdentical, "int4"), (replayed.Verdict, replayed.Environment.Base));
    }

    // Where the base lies changes no number.
    [Fact]
    public void Run_AnOffloadedBase_GivesTheBitsOfGradientCheckpointing()
    {
        var (recomputed, offloaded) = (_folder.Spec(2) with { MicroBatches = "4+recompute" }, _folder.Spec(2) with { Base = "full+offload" });
        RunFolder.Run(recomputed);
        RunFolder.Run(offloaded);
        Assert.Equal(RunFolder.State(recomputed), RunFolder.State(offloaded));
        Assert.Equal(Score(Result(recomputed), ScoredWeights.Candidate), Score(Result(offloaded), ScoredWeights.Candidate), 1e-6);
        Assert.Equal(("full+offload", "4+recompute"), (Result(offloaded).Environment.Base, Result(offloaded).Environment.MicroBatches));
    }

    [Theory]
    [InlineData("int4", true)]
    [InlineData("int3", false)]
    [InlineData("INT8", false)]
    public void Settings_ABase_IsOneOfThree(string text, bool taken)
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("Training:Base", (string?)text)]).Build();
        using var services = new ServiceCollection().AddOptions<TrainingSettings>().Bind(settings.GetSection(TrainingSettings.Section)).ValidateDataAnnotations().Services.BuildServiceProvider();
        var read = Record.Exception(() => services.GetRequiredService<IOptions<TrainingSettings>>().Value);
        if (taken) Assert.Null(read);
        else Assert.Contains("Training:Base must be full, int8 or int4.", Assert.IsType<OptionsValidationException>(read).Message, StringComparison.Ordinal);
    }

    private static RunResult Result(RunSpec spec) => RunJson.Read<RunResult>(Path.Combine(spec.OutputFolder, RunResult.FileName));

    private static double Score(RunResult result, ScoredWeights weights) => result.Scores.Single(score => score.Weights == weights).Score;
}
