using System.Runtime.InteropServices;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Data;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

/// <summary>Rows shared out among lanes that run side by side, against all of them in one pass.</summary>
[Collection(ThreadsCollection.Name)]
public sealed class DataParallelTests : IDisposable
{
    private const double Tolerance = 2e-6;

    private readonly Decoder _decoder = TinyModel.Create();
    private readonly IReadOnlyList<EncodedExample> _rows = [.. TinyModel.Rows(1), .. TinyModel.Rows(2)];

    public void Dispose() => _decoder.Dispose();

    [Theory]
    [InlineData(2, 8, 1624, 2)]
    [InlineData(2, 8, 31, 1)] // too few tokens
    [InlineData(2, 8, 32, 2)]
    [InlineData(2, 1, 4096, 1)] // one row
    [InlineData(1, 8, 4096, 1)]
    [InlineData(16, 64, 100, 4)] // six would have tokens, and do not divide the threads
    [InlineData(16, 64, 16_384, 16)]
    [InlineData(6, 64, 80, 3)]
    public void Lanes_OfAMicroBatch_DivideTheThreadsAndHaveWork(int threads, int rows, long tokens, int lanes) => Assert.Equal(lanes, DataParallel.Lanes(threads, rows, tokens));

    [Fact]
    public void Threads_WhereBlocksAreMadeForEachRun_AreNotShared()
    {
        Assert.Equal(8, SideBySide.Threads(8, true, BaseHolding.Resident));
        Assert.Equal(8, SideBySide.Threads(8, true, new BaseHolding(BaseFormat.Bfloat16, false)));
        Assert.Equal(1, SideBySide.Threads(8, true, new BaseHolding(BaseFormat.Int8, false)));
        Assert.Equal(1, SideBySide.Threads(8, true, new BaseHolding(BaseFormat.Full, true)));
        Assert.Equal(1, SideBySide.Threads(8, false, BaseHolding.Resident));
    }

    [Theory]
    [InlineData(2, 400, 768, 2)]
    [InlineData(2, 128, 768, 1)] // measured: a second thread gains a tenth, and takes a processor
    [InlineData(2, 256, 288, 1)]
    [InlineData(1, 4096, 4096, 1)]
    [InlineData(16, 2048, 288, 9)]
    [InlineData(2, 1, 8, 1)]
    public void ThreadsWithin_ALane_ShareWhatIsLargeEnough(int threads, long tokens, int hidden, int within) => Assert.Equal(within, DataParallel.ThreadsWithin(threads, tokens, hidden));

    [Theory]
    [InlineData(new[] { 3, 9, 4, 4, 7, 3 }, 0.0, new[] { "3 9 3", "4 4 7" })] // one after another they would come to 16 and 14
    [InlineData(new[] { 8, 7, 6, 5, 4 }, 0.0, new[] { "6 5 4", "8 7" })] // to 17 and 13
    [InlineData(new[] { 5, 5, 3, 3, 3 }, 0.0, new[] { "3 3 3", "5 5" })]
    [InlineData(new[] { 10, 6, 5 }, 0.05, new[] { "10", "6 5" })]
    [InlineData(new[] { 10, 6, 5, 2 }, 0.0, new[] { "10 2", "6 5" })]
    [InlineData(new[] { 10, 6, 5, 2 }, 0.1, new[] { "10", "6 5 2" })] // long rows cost more than their tokens
    public void Shares_OfUnevenRows_CostTheSameAndKeepTheirOrder(int[] lengths, double square, string[] expected)
    {
        EncodedExample[] rows = [.. lengths.Select(length => new EncodedExample(new int[length], new int[length], [1], null, []))];
        Assert.Equal(expected, DataParallel.Shares(rows, 2, square).Select(share => string.Join(' ', share.Select(row => row.Ids.Length))));
        Assert.Same(rows, Assert.Single(DataParallel.Shares(rows, 1, square)));
    }

    [Fact]
    public void Shares_AmongManyLanes_DifferLittle()
    {
        var random = new Random(5);
        EncodedExample[] rows = [.. Enumerable.Range(0, 40).Select(_ => random.Next(89, 512)).Select(length => new EncodedExample(new int[length], new int[length], [1], null, []))];
        var shares = DataParallel.Shares(rows, 7, square: 0);
        Assert.Equal(rows.Length, shares.SelectMany(share => share).Distinct(ReferenceEqualityComparer.Instance).Count());
        Assert.InRange(shares.Max(Tokens) / shares.Average(Tokens), 1, 1.005);

        static double Tokens(IReadOnlyList<EncodedExample> share) => share.Sum(row => row.Ids.Length);
    }

    [Fact]
    public void SquareOf_AModel_IsAttentionsShareBesideItsWeights()
    {
        var config = _decoder.Config;
        var weights = 2.0 * config.HiddenSize * config.HeadWidth * (config.HeadCount + config.KeyValueHeadCount) + 3.0 * config.HiddenSize * config.IntermediateSize;
        Assert.Equal(3.5 * config.HeadCount * config.HeadWidth / weights, DataParallel.SquareOf(config), 1e-12);
    }

    [Theory]
    [InlineData("slao", false)]
    [InlineData("slao", true)]
    [InlineData("inclora", false)]
    [InlineData("o-lora", false)]
    [InlineData("lorac-ipc", true)]
    [InlineData("nmt-lora:keepPairs=true", false)]
    [InlineData("c-lora:train=routing", false)]
    public void Backward_SharedOut_GivesTheGradientOfOneLane(string label, bool recomputes)
    {
        using var scope = NewDisposeScope();
        var method = ContinualMethods.Parse(label);
        using var first = ContinualLearner.Learn(_decoder, method, TinyModel.Lora, null, TinyModel.Rows(1), new TrainingOptions { LearningRate = 1e-2, Epochs = 2 }, null, TestContext.Current.CancellationToken).State;
        using var tuning = method.StartTask(_decoder, TinyModel.Lora, first, new Generator(1));

        var (plain, loss) = Gradient(tuning, 1, recomputes);
        Assert.Contains(plain, value => Math.Abs(value) > 1e-4);
        foreach (var lanes in new[] { 2, 3 })
        {
            var (shared, again) = Gradient(tuning, lanes, recomputes);
            Assert.Equal(loss, again, Tolerance);
            Numbers.AssertClose(plain, shared, Tolerance, "gradients");
            Assert.Equal(shared, Gradient(tuning, lanes, recomputes).Gradient);
        }
    }

    // The second call finds the first one's sums in the lanes.
    [Fact]
    public void Backward_OnceMore_AddsTheSame()
    {
        using var scope = NewDisposeScope();
        using var tuning = new Tuning(TinyModel.FirstLora(_decoder));
        using var live = new LiveParameters(tuning, CPU);
        using var parallel = new DataParallel(_decoder, tuning, live, 2, leastTokens: 1);
        parallel.Backward(_rows, 1, false, _ => null);
        var once = Numbers.Of(live.Gradient);
        parallel.Backward(_rows, 1, false, _ => null);
        Numbers.AssertClose([.. once.Select(value => 2.0 * value)], [.. Numbers.Of(live.Gradient).Select(value => (double)value)], Tolerance, "gradients");
    }

    [Fact]
    public void Backward_WithDropout_AsksForEachLanesMask()
    {
        using var scope = NewDisposeScope();
        using var tuning = new Tuning(TinyModel.FirstLora(_decoder));
        using var live = new LiveParameters(tuning, CPU);
        using var parallel = new DataParallel(_decoder, tuning, live, 3, leastTokens: 1);
        var asked = new System.Collections.Concurrent.ConcurrentBag<int>();
        parallel.Backward(_rows, 1, false, lane =>
        {
            asked.Add(lane);
            return new LoraDropout(0.5, lane);
        });
        Assert.Equal([0, 1, 2], asked.Order());
    }

    [Fact]
    public void Backward_ALaneFails_ThrowsWhatItThrewAndLeavesTheThreads()
    {
        using var scope = NewDisposeScope();
        using var tuning = new Refusing(TinyModel.FirstLora(_decoder));
        using var live = new LiveParameters(tuning, CPU);
        using var parallel = new DataParallel(_decoder, tuning, live, 4, leastTokens: 1);
        var threads = get_num_threads();
        var error = Assert.Throws<ExternalException>(() => parallel.Backward(_rows, 1, false, lane => lane == 0 ? null : new LoraDropout(0.5, lane)));
        Assert.True(MemoryExhaustedException.Is(error), error.Message);
        Assert.Equal(threads, get_num_threads());
    }

    private (List<double> Gradient, double Loss) Gradient(Tuning tuning, int lanes, bool recomputes)
    {
        using var scope = NewDisposeScope();
        using var live = new LiveParameters(tuning, CPU);
        using var parallel = new DataParallel(_decoder, tuning, live, lanes, leastTokens: 1);
        var loss = parallel.Backward(_rows, _rows.Sum(Trainer.LabelledTokens), recomputes, _ => null).item<float>();
        return ([.. Numbers.Of(live.Gradient).Select(value => (double)value)], loss);
    }

    /// <summary>Gets no memory in lanes after the first.</summary>
    private sealed class Refusing(LoraWeights lora) : Tuning(lora)
    {
        internal override LinearUpdate Update(LiveParameters live, LoraDropout? dropout)
        {
            if (dropout is not null) empty(1L << 50).Dispose();
            return base.Update(live, dropout);
        }
    }
}
