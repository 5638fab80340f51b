using ContinualService.Engine.Data;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>
/// The gradients of one micro-batch, its rows shared out among lanes that run side by side on a CPU, each with its own part of the processors and a gradient of its own; these are added in the lanes'
/// order (<see cref="SideBySide"/>). Same rows and same threads: the same sums.
/// </summary>
internal sealed class DataParallel : IDisposable
{
    // The least that was measured to gain (docs/performance.md): every lane reads all weights.
    internal const int LeastTokens = 16;

    // Numbers of a hidden state, [N, D], for each thread of a lane: with fewer, threads wait for each other longer than they save.
    internal const int LeastNumbers = 1 << 16;

    // Of the dearest lane's share: for less no row changes places.
    private const double LeastGain = 1e-3;

    private readonly Decoder _decoder;
    private readonly Tuning _tuning;
    private readonly LiveParameters _live;
    private readonly int _threads;
    private readonly int _shared; // of these, by how many lanes may share them
    private readonly int _least;
    private readonly double _square; // see SquareOf
    private readonly List<LiveParameters> _others = []; // of the lanes after the first

    /// <param name="decoder">The base.</param>
    /// <param name="tuning">What the layers add.</param>
    /// <param name="live">Its weights; the sum goes to its gradient.</param>
    /// <param name="threads">Processors to share out.</param>
    /// <param name="leastTokens">For each lane.</param>
    public DataParallel(Decoder decoder, Tuning tuning, LiveParameters live, int threads, int leastTokens = LeastTokens)
    {
        (_decoder, _tuning, _live, _threads, _least) = (decoder, tuning, live, threads, leastTokens);
        (_shared, _square) = (SideBySide.Threads(threads, decoder.OnCpu, decoder.Holding), SquareOf(decoder.Config));
    }

    /// <summary>How many lanes: as many as divide the threads, and have a row and enough tokens each.</summary>
    /// <param name="threads">See <see cref="SideBySide.Threads"/>.</param>
    /// <param name="rows">Of the micro-batch.</param>
    /// <param name="tokens">In all of them.</param>
    /// <param name="leastTokens">For each lane.</param>
    public static int Lanes(int threads, int rows, long tokens, int leastTokens = LeastTokens) => SideBySide.Lanes(threads, Math.Min(rows, tokens / leastTokens));

    /// <summary>How many threads an operation of a lane takes.</summary>
    /// <param name="threads">That there are for the lane.</param>
    /// <param name="tokens">Of the lane.</param>
    /// <param name="hidden">D.</param>
    public static int ThreadsWithin(int threads, long tokens, int hidden) => (int)Math.Clamp(tokens * hidden / LeastNumbers, 1, threads);

    /// <summary>Adds one micro-batch's share to the gradients.</summary>
    /// <param name="rows">At least one.</param>
    /// <param name="stepWeight">Sum of the weights of the whole optimiser step.</param>
    /// <param name="recomputes">Gradient checkpointing.</param>
    /// <param name="dropout">Of each lane, by its index; null: none.</param>
    /// <returns>Its share of the step's mean loss, a scalar on the device, in the caller's dispose scope.</returns>
    public Tensor Backward(IReadOnlyList<EncodedExample> rows, double stepWeight, bool recomputes, Func<int, LoraDropout?> dropout)
    {
        if (!_decoder.OnCpu) return Trainer.Backward(_decoder, _tuning.Update(_live, dropout(0)), rows, stepWeight, recomputes);

        // Step 1: rows and a gradient for each lane.
        var tokens = rows.Sum(row => (long)row.Ids.Length);
        var shares = Shares(rows, Lanes(_shared, rows.Count, tokens, _least), _square);
        while (_others.Count < shares.Length - 1) _others.Add(new LiveParameters(_tuning, _live));
        foreach (var other in _others) other.Gradient.zero_();

        // Step 2: forward and backward, side by side.
        var losses = new Tensor?[shares.Length];
        try
        {
            SideBySide.Run(shares.Length, ThreadsWithin(_threads / shares.Length, tokens / shares.Length, _decoder.Config.HiddenSize), lane =>
                losses[lane] = Trainer.Backward(_decoder, _tuning.Update(lane == 0 ? _live : _others[lane - 1], dropout(lane)), shares[lane], stepWeight, recomputes, shares.Length).DetachFromDisposeScope());
        }
        catch
        {
            foreach (var loss in losses) loss?.Dispose();
            throw;
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

    /// <summary>What attention adds to a row's cost: of a row of T tokens it is T + square T^2. The block's products take 4 operations a weight and token, those of attention 14 for each pair of tokens and number of the heads, at about half of the speed.</summary>
    internal static double SquareOf(ModelConfig model)
    {
        var weights = DecoderLayout.Linears(model).Take(DecoderLayout.BlockLinears.Length).Sum(site => (double)site.InFeatures * site.OutFeatures);
        return 3.5 * model.HeadCount * model.HeadWidth / weights;
    }

    /// <summary>Rows for each lane: the dearest first, each to the lane that has least so far; then rows change places as long as that takes from the lane that has most.</summary>
    /// <param name="rows">At least as many as lanes.</param>
    /// <param name="lanes">How many.</param>
    /// <param name="square">As <see cref="SquareOf"/> gives it.</param>
    internal static IReadOnlyList<EncodedExample>[] Shares(IReadOnlyList<EncodedExample> rows, int lanes, double square)
    {
        if (lanes == 1) return [rows];
        double[] costs = [.. rows.Select(row => row.Ids.Length * (1 + square * row.Ids.Length))];
        var (taken, sums) = (new List<int>[lanes], new double[lanes]);
        for (var lane = 0; lane < lanes; lane++) taken[lane] = [];
        foreach (var row in Enumerable.Range(0, rows.Count).OrderByDescending(row => costs[row])) Move(row, null, Array.IndexOf(sums, sums.Min()));
        while (Best() is { } best)
        {
            Move(best.Row, best.From, best.To);
            if (best.Back is { } back) Move(back, best.To, best.From);
        }

        return [.. taken.Select(lane => (IReadOnlyList<EncodedExample>)[.. lane.Order().Select(row => rows[row])])];

        void Move(int row, int? from, int to)
        {
            if (from is { } lane)
            {
                taken[lane].Remove(row);
                sums[lane] -= costs[row];
            }

            taken[to].Add(row);
            sums[to] += costs[row];
        }

        // Of all moves of a row from the lane that has most, with or without one in exchange, the one after which the larger of both lanes is smallest; null: none takes anything from it.
        (int Row, int From, int? Back, int To)? Best()
        {
            var from = Array.IndexOf(sums, sums.Max());
            (int Row, int From, int? Back, int To)? best = null;
            var least = sums[from] * (1 - LeastGain);
            foreach (var to in Enumerable.Range(0, lanes).Where(lane => lane != from))
            {
                foreach (var row in taken[from])
                {
                    foreach (var back in taken[to].Cast<int?>().Prepend(null))
                    {
                        var moved = costs[row] - (back is { } other ? costs[other] : 0);
                        var larger = Math.Max(sums[from] - moved, sums[to] + moved);
                        if (larger >= least) continue;
                        (least, best) = (larger, (row, from, back, to));
                    }
                }
            }

            return best;
        }
    }
}
