using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Data;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using CsCheck;
using Xunit;

namespace ContinualService.Engine.Tests.Training;

/// <summary>A run that is cut and continued ends as if nothing had happened.</summary>
public sealed class ResumeTests : IDisposable
{
    private const int TotalSteps = 9; // three epochs of three batches

    private static readonly TrainingOptions Options = new()
    {
        LearningRate = 1e-2,
        Epochs = 3,
        BatchSize = 2,
        MicroBatches = MicroBatching.Read("1"),
        Schedule = LearningRateSchedule.Cosine,
        WarmupFraction = 0.3,
        WeightDecay = 0.1,
        Dropout = 0.2,
        Seed = 7,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("resume-").FullName;
    private readonly Decoder _decoder = TinyModel.Create();

    public void Dispose()
    {
        _decoder.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)] // in the middle of the second epoch
    [InlineData(6)] // between two epochs
    [InlineData(TotalSteps)] // trained, not merged
    public void Learn_CutAndContinued_EndsWithTheSameState(int cut) => Assert.Equal(Run(Options).StateAfterCutsAt(), Run(Options).StateAfterCutsAt(cut));

    [Theory]
    [InlineData(LearningRateSchedule.Constant)]
    [InlineData(LearningRateSchedule.Linear)]
    [InlineData(LearningRateSchedule.Cosine)]
    public void Learn_AnySchedule_EndsWithTheSameState(LearningRateSchedule schedule)
    {
        var run = Run(Options with { Schedule = schedule });

        Assert.Equal(run.StateAfterCutsAt(), run.StateAfterCutsAt(5));
    }

    [Theory]
    [InlineData("slao")]
    [InlineData("seqlora")]
    public void Learn_SecondTask_EndsWithTheSameState(string method)
    {
        using var first = FirstState(method);
        var run = Run(Options) with { Method = ContinualMethods.ByName(method), Previous = first, Rows = TinyModel.Rows(2) };

        Assert.Equal(run.StateAfterCutsAt(), run.StateAfterCutsAt(2, 7));
    }

    [Fact]
    public void Learn_CutAnywhereAnyNumberOfTimes_EndsWithTheSameState()
    {
        var settings =
            from dropout in Gen.OneOf(Gen.Const(0.0), Gen.Const(0.3))
            from microBatch in Gen.Int[1, 4]
            from schedule in Gen.Enum<LearningRateSchedule>()
            from seed in Gen.Long
            select Options with { Epochs = 2, BatchSize = 4, MicroBatches = [new MicroBatching(1, microBatch, Recomputes: false)], Dropout = dropout, Schedule = schedule, Seed = seed };
        var total = 4;
        settings.Select(Gen.Int[0, total].Array[1, 4]).Sample(
            (options, cuts) => Run(options).StateAfterCutsAt().AsSpan().SequenceEqual(Run(options).StateAfterCutsAt([.. cuts.Order()])), iter: 40, threads: 1);
    }

    [Fact]
    public void Learn_Continued_ReportsWhereAndTheSameCurveFromThere()
    {
        var whole = Run(Options);
        whole.StateAfterCutsAt();
        var cut = Run(Options);
        var checkpoint = cut.CutAt(4);
        var rest = Run(Options);
        rest.StateFrom(checkpoint);

        Assert.Equal([4], rest.Reports.Select(report => report.ResumedAt).OfType<int>());
        Assert.Empty(whole.Reports.Select(report => report.ResumedAt).OfType<int>());
        Assert.Equal(Enumerable.Range(1, TotalSteps), cut.Steps.Concat(rest.Steps).Select(step => step.Step));
        Assert.Equal(whole.Steps.Select(WithoutTime), cut.Steps.Concat(rest.Steps).Select(WithoutTime));
        Assert.True(rest.Steps[0].Seconds >= cut.Steps[^1].Seconds);

        static TrainingStep WithoutTime(TrainingStep step) => step with { Seconds = 0 };
    }

    [Fact]
    public void Learn_Continued_CountsTheWholeRun()
    {
        var run = Run(Options);
        var whole = Outcome(null);
        var continued = Outcome(run.CutAt(4));

        Assert.Equal(whole with { Seconds = 0 }, continued with { Seconds = 0 });

        TrainingOutcome Outcome(string? from)
        {
            var learned = (LearningOutcome.Learned)run.Learn(from, (_, _) => CheckpointDecision.GoOn, _ => { });
            learned.Task.State.Dispose();
            return learned.Task.Training;
        }
    }

    [Fact]
    public void Learn_Writing_AsksAtEveryBoundaryAndChangesNothing()
    {
        var undisturbed = Run(Options).StateAfterCutsAt();
        List<(int, int)> asked = [];
        List<int> written = [];
        var outcome = Run(Options).Learn(
            null,
            (made, total) =>
            {
                asked.Add((made, total));
                return made % 2 == 0 ? CheckpointDecision.Write : CheckpointDecision.GoOn;
            },
            checkpoint =>
            {
                Assert.Equal(TotalSteps, checkpoint.TotalSteps);
                checkpoint.Save(Path.Combine(_folder, "written.safetensors"));
                written.Add(checkpoint.Step);
            });

        using var state = Assert.IsType<LearningOutcome.Learned>(outcome).Task.State;
        state.Save(Path.Combine(_folder, "state.safetensors"), CuttableRun.BaseDigest);
        Assert.Equal(Enumerable.Range(0, TotalSteps + 1).Select(made => (made, TotalSteps)), asked);
        Assert.Equal([0, 2, 4, 6, 8], written);
        Assert.Equal(undisturbed, File.ReadAllBytes(Path.Combine(_folder, "state.safetensors")));
        Assert.Equal(undisturbed, Run(Options).StateFrom(Path.Combine(_folder, "written.safetensors")));
    }

    [Fact]
    public void Learn_StoppedAfterTheLastStep_DoesNotMerge()
    {
        var run = Run(Options);
        run.CutAt(TotalSteps);

        Assert.DoesNotContain(run.Reports, report => report.Phase == LearningPhase.Merging);
    }

    [Fact]
    public void Learn_CheckpointOfAnotherRun_IsRefusedBeforeAnythingIsDone()
    {
        using var first = FirstState("slao");
        using var other = FirstState("slao", seed: 8);
        var run = Run(Options) with { Previous = first };
        var checkpoint = run.CutAt(4);

        Refused(run with { Options = Options with { LearningRate = 2e-2 } }, CheckpointFault.OtherOptions, "training options");
        Refused(run with { Lora = TinyModel.Lora with { Alpha = 1 } }, CheckpointFault.OtherOptions, "shape of adapter");
        Refused(run with { Rows = [.. run.Rows.Reverse()] }, CheckpointFault.OtherRows, "other training rows");
        Refused(run with { Rows = [run.Rows[0] with { Labels = [.. run.Rows[0].Labels.Select(_ => EncodedExample.IgnoreIndex)] }, .. run.Rows.Skip(1)] }, CheckpointFault.OtherRows, "rows");
        Refused(run with { Base = "another decoder" }, CheckpointFault.OtherBase, "another base model");
        Refused(run with { Previous = other }, CheckpointFault.OtherPreviousState, "another state of the adapter");
        Refused(run with { Previous = null }, CheckpointFault.OtherPreviousState, "another state of the adapter");

        void Refused(CuttableRun wanted, CheckpointFault fault, string says)
        {
            wanted.Reports.Clear();
            var error = Assert.Throws<CheckpointException>(() => wanted.StateFrom(checkpoint));
            Assert.Equal(fault, error.Fault);
            Assert.Contains(says, error.Message, StringComparison.Ordinal);
            Assert.Contains("step 4", error.Message, StringComparison.Ordinal);
            Assert.Empty(wanted.Reports);
        }
    }

    [Fact]
    public void Learn_CheckpointOfAnotherMethod_IsRefused()
    {
        var checkpoint = Run(Options).CutAt(4);

        var error = Assert.Throws<CheckpointException>(() => (Run(Options) with { Method = new SeqLora() }).StateFrom(checkpoint));

        Assert.Equal(CheckpointFault.OtherOptions, error.Fault);
    }

    private CuttableRun Run(TrainingOptions options) => new(_decoder, _folder, options);

    private AdapterState FirstState(string method, long seed = 7) =>
        ContinualLearner.Learn(
            _decoder, ContinualMethods.ByName(method), TinyModel.Lora, null, TinyModel.Rows(1), Options with { Seed = seed }, null, TestContext.Current.CancellationToken).State;
}
