using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

[Collection(LedgerCollection.Name)]
public sealed class LedgerTests : IDisposable
{
    private readonly Decoder _decoder = TinyModel.Create();
    private readonly TrainingOptions _options = new() { LearningRate = 1e-2, Epochs = 8, BatchSize = 4, MicroBatches = MicroBatching.Read("2"), Dropout = 0.1 };

    public void Dispose() => _decoder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fit_ManySteps_LiveTensorsStayFlat(bool recomputes) => AssertFlat(_decoder, _options with { MicroBatches = [new MicroBatching(1, 2, recomputes)] });

    [Fact]
    public void Fit_ABaseHeldNarrowAndElsewhere_LiveTensorsStayFlat()
    {
        using (var first = HeldBases.Of(_decoder, new BaseHolding(BaseFormat.Int4, true))) AssertFlat(first, _options); // and what the format keeps for good
        var before = Tensor.TotalCount;
        HeldBases.Of(_decoder, new BaseHolding(BaseFormat.Int4, true)).Dispose();
        AssertNoGrowth(before, Tensor.TotalCount);
    }

    // What a step allocates is garbage of the next collection: it costs time, and on a GPU the launches wait for it.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fit_ManySteps_AllocateLittleManagedMemory(bool recomputes)
    {
        List<long> allocated = [];
        var options = _options with { MicroBatches = [new MicroBatching(1, _options.BatchSize, recomputes)], Dropout = 0 };
        using var lora = TinyModel.FirstLora(_decoder);
        Trainer.Fit(_decoder, lora, TinyModel.Rows(1), options, new SynchronousProgress<TrainingStep>(_ => allocated.Add(GC.GetAllocatedBytesForCurrentThread())), TestContext.Current.CancellationToken);

        Assert.InRange((allocated[^1] - allocated[2]) / (allocated.Count - 3), 1, 102_400);
    }

    // Its seven matrices; whatever a graph or a pass kept of another block would be counted as well.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Backward_AHeldBase_MakesOneBlockWholeAtATime(bool recomputes)
    {
        using var scope = NewDisposeScope();
        using var held = HeldBases.Of(_decoder, new BaseHolding(BaseFormat.Int8, false));
        using var tuning = new Tuning(TinyModel.FirstLora(_decoder));
        using var live = new LiveParameters(tuning, CPU);
        var rows = TinyModel.Rows(1);
        Most(_decoder); // what the decoders cache for good
        Most(held);

        var (resident, made) = (Most(_decoder), Most(held));
        Assert.InRange(made.Zip(resident, (more, less) => more - less).Max(), 1, DecoderLayout.BlockLinears.Length);

        List<long> Most(Decoder decoder)
        {
            var counting = new Counting(tuning.Update(live, null));
            Trainer.Backward(decoder, counting, rows, rows.Sum(Trainer.LabelledTokens), recomputes).Dispose();
            return counting.Live;
        }
    }

    private sealed class Counting(LinearUpdate inner) : LinearUpdate
    {
        /// <summary>Tensors that were there when a layer ran.</summary>
        public List<long> Live { get; } = [];

        internal override Tensor AddTo(Tensor y, Tensor x, int site)
        {
            Live.Add(Tensor.TotalCount);
            return inner.AddTo(y, x, site);
        }

        internal override void Backward(Tensor gradient, Tensor x, int site, Tensor? inputGradient)
        {
            Live.Add(Tensor.TotalCount);
            inner.Backward(gradient, x, site, inputGradient);
        }
    }

    [Fact]
    public void Learn_FourTasks_LiveTensorsAreThoseOfOneState()
    {
        AdapterState? state = null;
        List<long> live = [];
        for (var i = 1; i <= 4; i++)
        {
            var next = ContinualLearner.Learn(_decoder, new Slao(), TinyModel.Lora, state, TinyModel.Rows(1), _options, null, TestContext.Current.CancellationToken).State;
            state?.Dispose();
            state = next;
            live.Add(Tensor.TotalCount);
        }

        Assert.All(live, count => AssertNoGrowth(live[0], count));
        state!.Dispose();
        AssertNoGrowth(live[0] - 3 * _decoder.Linears.Count, Tensor.TotalCount);
    }

    [Theory]
    [InlineData("o-lora")]
    [InlineData("ewc")]
    [InlineData("opcm")]
    [InlineData("ties")]
    [InlineData("magmax")]
    [InlineData("c-lora")]
    [InlineData("nmt-lora:keepPairs=true")]
    [InlineData("lorac-ipc")]
    public void Learn_ThreeTasksOfAnotherMethod_LeavesNothingButItsState(string label)
    {
        var method = ContinualMethods.Parse(label);
        Learn(null).Dispose(); // what the decoder caches for good
        var before = Tensor.TotalCount;
        var first = Learn(null);
        var perState = Tensor.TotalCount - before;
        var second = Learn(first);
        first.Dispose();
        var third = Learn(second);
        second.Dispose();
        Assert.Equal(method.Layout(TinyModel.Lora, _decoder.Linears[0], 1).Count * _decoder.Linears.Count, first.Sites.Sum(site => site.Tensors.Count));
        AssertNoGrowth(before + perState, Tensor.TotalCount);
        using (third.ServingWeights()) AssertNoGrowth(before + perState + (2 * _decoder.Linears.Count), Tensor.TotalCount);
        third.Dispose();
        AssertNoGrowth(before, Tensor.TotalCount);

        AdapterState Learn(AdapterState? previous) =>
            ContinualLearner.Learn(_decoder, method, TinyModel.Lora, previous, TinyModel.Rows(1), _options with { Epochs = 1 }, null, TestContext.Current.CancellationToken).State;
    }

    private static void AssertFlat(Decoder decoder, TrainingOptions options)
    {
        List<long> live = [];
        using var lora = TinyModel.FirstLora(decoder);
        Trainer.Fit(decoder, lora, TinyModel.Rows(1), options, null, TestContext.Current.CancellationToken); // what the decoder caches for good
        var before = Tensor.TotalCount;
        Trainer.Fit(decoder, lora, TinyModel.Rows(1), options, new SynchronousProgress<TrainingStep>(_ => live.Add(Tensor.TotalCount)), TestContext.Current.CancellationToken);
        AssertNoGrowth(before, Tensor.TotalCount);
        Assert.All(live.Skip(3), count => AssertNoGrowth(live[3], count));
    }

    // Fewer is no fault of this code: the finalizer may be clearing away what an earlier test left behind.
    private static void AssertNoGrowth(long before, long now) => Assert.True(now <= before, $"{now - before} tensors more than before.");
}
