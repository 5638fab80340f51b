using System.Runtime.InteropServices;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

/// <summary>The tensor library refuses memory, as it does in earnest: an allocation that no machine can give.</summary>
public sealed class OutOfMemoryTests : IDisposable
{
    private static readonly TrainingOptions Options = new() { LearningRate = 1e-2, Epochs = 4, BatchSize = 6, Seed = 7 };

    private readonly Decoder _decoder = TinyModel.Create();

    public void Dispose() => _decoder.Dispose();

    [Fact]
    public void Fit_MemoryRunsOutInTheThirdStep_GoesOnWithHalfTheRows()
    {
        var (plain, _, _, _) = Train(Options, mostTokens: null);
        // From the third step on more than 22 tokens at a time are too many: the six rows have 6 to 11 each, so that two fit.
        var (losses, weights, outcome, changes) = Train(Options, mostTokens: 22, fromPass: 3);

        Assert.Equal("6; 3:2", outcome.MicroBatches);
        Assert.Equal([new MicroBatching(3, 3, false), new MicroBatching(3, 2, false)], changes);
        Assert.Equal(Options.Epochs, losses.Count);
        Numbers.AssertClose(plain, losses, 1e-5, "losses");

        // Told how the steps were cut, another run gives the same bits.
        var (_, again, repeated, none) = Train(Options with { MicroBatches = MicroBatching.Read(outcome.MicroBatches) }, mostTokens: null);
        Assert.Equal(weights, again);
        Assert.Equal(outcome.MicroBatches, repeated.MicroBatches);
        Assert.Empty(none);
    }

    [Fact]
    public void Fit_NotEvenOneRow_SaysWhatToDoAndChangesNothing()
    {
        using var tuning = new ShortOfMemory(TinyModel.FirstLora(_decoder), 0, 1);
        var before = Numbers.Of(tuning.Lora);
        List<MicroBatching> changes = [];
        var error = Assert.Throws<MemoryExhaustedException>(() => Trainer.Fit(_decoder, tuning, TinyModel.Rows(1), Options, null, null, changes.Add, TestContext.Current.CancellationToken));

        Assert.Contains("step 1 with one row of", error.Message, StringComparison.Ordinal);
        Assert.Contains("smaller maxSequenceLength", error.Message, StringComparison.Ordinal);
        Assert.Equal("3; 2; 1; 1+recompute", MicroBatching.Write(changes));
        Assert.Equal(before, Numbers.Of(tuning.Lora));
    }

    // TorchScript says first where it was.
    [Fact]
    public void Forward_MemoryRunsOutWithinAScript_IsKnownAndQuoted()
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<ExternalException>(() => ScriptedOperators.RmsNorm(zeros(1).expand(1L << 45, 8), ones(8), 1e-5));

        Assert.True(MemoryExhaustedException.Is(error), error.Message);
        Assert.Contains("The library said: RuntimeError: ", MemoryExhaustedException.Scoring(5, error).Message, StringComparison.Ordinal);
        Assert.Contains("you tried to allocate", MemoryExhaustedException.Scoring(5, error).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Learn_CutAfterAChange_GoesOnWithIt()
    {
        var folder = Directory.CreateTempSubdirectory("short-").FullName;
        try
        {
            var options = Options with { BatchSize = 3, Dropout = 0.2, MicroBatches = MicroBatching.Read("3; 4:2+recompute") };
            var run = new CuttableRun(_decoder, folder, options);
            var whole = run.StateAfterCutsAt();
            Assert.NotEqual(new CuttableRun(_decoder, folder, options with { MicroBatches = [] }).StateAfterCutsAt(), whole);

            // Whoever goes on need not know of it: the checkpoint says so.
            var cut = run.CutAt(5);
            Assert.Equal(whole, (run with { Options = options with { MicroBatches = [] } }).StateFrom(cut));
            // One that must take less does so from its first step on.
            var less = (LearningOutcome.Learned)(run with { Options = options with { MicroBatches = MicroBatching.Read("1") } }).Learn(cut, (_, _) => CheckpointDecision.GoOn, _ => { });
            less.Task.State.Dispose();
            Assert.Equal("3; 4:2+recompute; 6:1+recompute", less.Task.Training.MicroBatches);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private (List<double> Losses, float[] Weights, TrainingOutcome Outcome, List<MicroBatching> Changes) Train(TrainingOptions options, int? mostTokens, int fromPass = 1)
    {
        using var tuning = new ShortOfMemory(TinyModel.FirstLora(_decoder), mostTokens, fromPass);
        List<double> losses = [];
        List<MicroBatching> changes = [];
        var outcome = Trainer.Fit(
            _decoder, tuning, TinyModel.Rows(1), options, null, new SynchronousProgress<TrainingStep>(step => losses.Add(step.Loss)), changes.Add, TestContext.Current.CancellationToken);
        return (losses, Numbers.Of(tuning.Lora), outcome, changes);
    }

    /// <summary>Gets no memory for more than so many tokens at a time, from the given pass on.</summary>
    private sealed class ShortOfMemory(LoraWeights lora, int? mostTokens, int fromPass) : Tuning(lora)
    {
        private int _passes;

        internal override LinearUpdate Update(LiveParameters live, LoraDropout? dropout) =>
            ++_passes >= fromPass && mostTokens is { } most ? new Refusing(base.Update(live, dropout), most) : base.Update(live, dropout);

        private sealed class Refusing(LinearUpdate inner, int mostTokens) : LinearUpdate
        {
            internal override Tensor AddTo(Tensor y, Tensor x, int site)
            {
                if (x.shape[0] > mostTokens) empty(1L << 50).Dispose();
                return inner.AddTo(y, x, site);
            }

            internal override void Backward(Tensor gradient, Tensor x, int site, Tensor? inputGradient) => inner.Backward(gradient, x, site, inputGradient);
        }
    }
}
