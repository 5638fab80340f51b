using System.Runtime.ExceptionServices;
using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>
/// The gradients of one micro-batch, its rows shared out among lanes that run side by side on a CPU, each with its own part of the processors and a gradient of its own; these are added in the lanes'
/// order. Within a pass processors meet after every operation, and all wait for the one that somebody else has taken away; lanes meet once a step. Same rows and same threads: the same sums.
/// </summary>
internal sealed class DataParallel : IDisposable
{
    // The least that was measured to gain (docs/performance.md): every lane reads all weights.
    internal const int LeastTokens = 256;

    private readonly Decoder _decoder;
    private readonly Tuning _tuning;
    private readonly LiveParameters _live;
    private readonly int _threads;
    private readonly int _least;
    private readonly List<LiveParameters> _others = []; // of the lanes after the first

    /// <param name="decoder">The base.</param>
    /// <param name="tuning">What the layers add.</param>
    /// <param name="live">Its weights; the sum goes to its gradient.</param>
    /// <param name="threads">Processors to share out.</param>
    /// <param name="leastTokens">For each lane.</param>
    public DataParallel(Decoder decoder, Tuning tuning, LiveParameters live, int threads, int leastTokens = LeastTokens)
    {
        (_decoder, _tuning, _live, _least) = (decoder, tuning, live, leastTokens);
        _threads = Threads(threads, decoder.Device.type == DeviceType.CPU, decoder.Holding);
    }

    /// <summary>The threads that lanes may share: of a GPU one, and of a base whose blocks are made when they are run as well, since every lane would make its own.</summary>
    public static int Threads(int threads, bool onCpu, BaseHolding holding) => onCpu && !holding.MakesBlocks ? threads : 1;

    /// <summary>How many lanes: as many as divide the threads, and have a row and enough tokens each.</summary>
    /// <param name="threads">See <see cref="Threads"/>.</param>
    /// <param name="rows">Of the micro-batch.</param>
    /// <param name="tokens">In all of them.</param>
    /// <param name="leastTokens">For each lane.</param>
    public static int Lanes(int threads, int rows, long tokens, int leastTokens = LeastTokens)
    {
        var most = (int)Math.Clamp(Math.Min(rows, tokens / leastTokens), 1, threads);
        return Enumerable.Range(1, most).Last(lanes => threads % lanes == 0);
    }

    /// <summary>Adds one micro-batch's share to the gradients.</summary>
    /// <param name="rows">At least one.</param>
    /// <param name="stepWeight">Sum of the weights of the whole optimiser step.</param>
    /// <param name="recomputes">Gradient checkpointing.</param>
    /// <param name="dropout">Of each lane, by its index; null: none.</param>
    /// <returns>Its share of the step's mean loss, a scalar on the device, in the caller's dispose scope.</returns>
    public Tensor Backward(IReadOnlyList<EncodedExample> rows, double stepWeight, bool recomputes, Func<int, LoraDropout?> dropout)
    {
        var shares = Shares(rows, Lanes(_threads, rows.Count, rows.Sum(row => (long)row.Ids.Length), _least));
        if (shares.Length == 1) return Trainer.Backward(_decoder, _tuning.Update(_live, dropout(0)), rows, stepWeight, recomputes);

        // Step 1: a gradient for each lane.
        while (_others.Count < shares.Length - 1) _others.Add(new LiveParameters(_tuning, _live));
        foreach (var other in _others) other.Gradient.zero_();

        // Step 2: forward and backward, side by side. How many threads an operation takes belongs to the thread that calls it.
        var losses = new Tensor?[shares.Length];
        var before = get_num_threads();
        try
        {
            Parallel.For(0, shares.Length, new ParallelOptions { MaxDegreeOfParallelism = shares.Length }, lane =>
            {
                set_num_threads(_threads / shares.Length);
                using var scope = NewDisposeScope();
                losses[lane] = Trainer.Backward(_decoder, _tuning.Update(lane == 0 ? _live : _others[lane - 1], dropout(lane)), shares[lane], stepWeight, recomputes, shares.Length).DetachFromDisposeScope();
            });
        }
        catch (AggregateException errors)
        {
            foreach (var loss in losses) loss?.Dispose();
            ExceptionDispatchInfo.Throw(errors.InnerExceptions[0]);
        }
        finally
        {
            set_num_threads(before);
        }

        // Step 3: the sums.
        using var noGrad = no_grad();
        foreach (var other in _others.Take(shares.Length - 1)) _live.Gradient.add_(other.Gradient, Scalars.One);
        var sum = zeros(1, float32, _decoder.Device);
        foreach (var loss in losses)
        {
            sum.add_(loss!, Scalars.One);
            loss!.Dispose();
        }

        return sum;
    }

    public void Dispose()
    {
        foreach (var other in _others) other.Dispose();
    }

    /// <summary>Rows for each lane: the longest first, each to the lane that has fewest tokens so far.</summary>
    internal static IReadOnlyList<EncodedExample>[] Shares(IReadOnlyList<EncodedExample> rows, int lanes)
    {
        if (lanes == 1) return [rows];
        var (taken, tokens) = (new List<int>[lanes], new long[lanes]);
        for (var lane = 0; lane < lanes; lane++) taken[lane] = [];
        foreach (var row in Enumerable.Range(0, rows.Count).OrderByDescending(row => rows[row].Ids.Length))
        {
            var lane = Array.IndexOf(tokens, tokens.Min());
            taken[lane].Add(row);
            tokens[lane] += rows[row].Ids.Length;
        }

        return [.. taken.Select(lane => (IReadOnlyList<EncodedExample>)[.. lane.Order().Select(row => rows[row])])];
    }
}
