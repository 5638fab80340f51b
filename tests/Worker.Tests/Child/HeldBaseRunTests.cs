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

    [Theory]
    [InlineData("int4")]
    [InlineData("bfloat16")]
    public void Run_ANarrowBase_IsRecordedScoredInFullAndReplayedToTheBit(string format)
    {
        var full = _folder.Spec(2);
        var narrow = _folder.Spec(2) with { Base = format };
        RunFolder.Run(full);
        var (finished, said) = RunFolder.Run(narrow);

        Assert.True(finished);
        var (whole, result) = (Result(full), Result(narrow));
        Assert.Equal(("full", "4"), (whole.Environment.Base, whole.Environment.MicroBatches));
        Assert.Equal((format, "float32", "4"), (result.Environment.Base, result.Environment.Precision, result.Environment.MicroBatches));
        Assert.True(said.OfType<RunMessage.Memory>().Single() is { Whole: true, Way.Recomputes: false });
        Assert.Equal(format == "bfloat16" && HereAndNow.SlowBFloat16 is not null, said.OfType<RunMessage.Log>().Any());
        // The bare base's score is that of the whole one; the tasks were learned on two, and end near each other.
        Assert.Equal(Score(whole, ScoredWeights.Base), Score(result, ScoredWeights.Base));
        Assert.NotEqual(RunFolder.State(full), RunFolder.State(narrow));
        Assert.Equal(Score(whole, ScoredWeights.Candidate), Score(result, ScoredWeights.Candidate), 0.01);

        var part = new ReplayPart(1, narrow.TaskId, narrow.Train, narrow.Hyperparameters, [], null, RunFolder.StoredState(narrow), result.Environment.MicroBatches, Base: format);
        var replayed = Assert.Single(RunFolder.Run(_folder.Spec(2) with { Replay = new ReplaySpec([part], 1e-3) }).Said.OfType<RunMessage.Replayed>()).Version;
        Assert.Equal((ReplayVerdict.BitIdentical, format), (replayed.Verdict, replayed.Environment.Base));
    }

    // Where the base lies changes no number.
    [Fact]
    public void Run_AnOffloadedBase_GivesTheBitsOfAResidentOne()
    {
        var (resident, offloaded) = (_folder.Spec(2), _folder.Spec(2) with { Base = "full+offload" });
        RunFolder.Run(resident);
        RunFolder.Run(offloaded);
        Assert.Equal(RunFolder.State(resident), RunFolder.State(offloaded));
        Assert.Equal(Score(Result(resident), ScoredWeights.Candidate), Score(Result(offloaded), ScoredWeights.Candidate), 1e-6);
        Assert.Equal(("full+offload", "4"), (Result(offloaded).Environment.Base, Result(offloaded).Environment.MicroBatches));
    }

    [Theory]
    [InlineData("int4", true)]
    [InlineData("bfloat16", true)]
    [InlineData("int3", false)]
    [InlineData("INT8", false)]
    public void Settings_ABase_IsOneOfFour(string text, bool taken)
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("Training:Base", (string?)text)]).Build();
        using var services = new ServiceCollection().AddOptions<TrainingSettings>().Bind(settings.GetSection(TrainingSettings.Section)).ValidateDataAnnotations().Services.BuildServiceProvider();
        var read = Record.Exception(() => services.GetRequiredService<IOptions<TrainingSettings>>().Value);
        if (taken) Assert.Null(read);
        else Assert.Contains("Training:Base must be full, bfloat16, int8 or int4.", Assert.IsType<OptionsValidationException>(read).Message, StringComparison.Ordinal);
    }

    private static RunResult Result(RunSpec spec) => RunJson.Read<RunResult>(Path.Combine(spec.OutputFolder, RunResult.FileName));

    private static double Score(RunResult result, ScoredWeights weights) => result.Scores.Single(score => score.Weights == weights).Score;
}
