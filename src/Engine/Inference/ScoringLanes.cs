using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>
/// Rows to score, in groups of similar length, shared out among lanes that run side by side on a CPU (<see cref="SideBySide"/>). All lanes together hold what one would: each takes its part of the size. Same rows, same size and same
/// threads: the same groups, whichever lane takes them, and so the same bits.
/// </summary>
internal sealed class ScoringLanes
{
    private readonly int _lanes;
    private readonly int _threads; // of each
    private readonly IReadOnlyList<int> _lengths;

    /// <param name="decoder">The base.</param>
    /// <param name="lengths">Tokens of each row, with those that will be generated.</param>
    /// <param name="size">How much all lanes compute at once.</param>
    /// <param name="mostTokens">Of the rows of all lanes at once.</param>
    /// <param name="leastRows">For each lane.</param>
    public ScoringLanes(Decoder decoder, IReadOnlyList<int> lengths, ScoringSize size, int mostTokens, int leastRows)
    {
        var threads = get_num_threads();
        var atOnce = Math.Min(lengths.Count, mostTokens / lengths.DefaultIfEmpty(1).Max());
        _lanes = SideBySide.Lanes(SideBySide.Threads(threads, decoder.OnCpu, decoder.Holding), atOnce / leastRows);
        (_threads, _lengths, Size) = (threads / _lanes, lengths, new ScoringSize(size.Tokens / _lanes));
    }

    /// <summary>How much a lane computes at once.</summary>
    public ScoringSize Size { get; }

    /// <summary>Calls <paramref name="score"/> with the indices of each group's rows. Where one fails no other begins.</summary>
    /// <param name="maxRows">Of a group.</param>
    /// <param name="maxTokens">Padded ones of a group of more than one row.</param>
    /// <param name="score">From several threads at a time.</param>
    /// <param name="progress">Told the share of rows done, from one thread at a time.</param>
    /// <param name="cancellation">Looked at before each group.</param>
    public void Run(int maxRows, int maxTokens, Action<int[]> score, IProgress<double>? progress, CancellationToken cancellation)
    {
        var (groups, done, taken, failed, gate) = (Groups(maxRows, maxTokens), 0, -1, false, new Lock());
        if (_lanes == 1) Lane(0);
        else SideBySide.Run(_lanes, _threads, Lane);

        void Lane(int lane)
        {
            try
            {
                while (!Volatile.Read(ref failed) && Interlocked.Increment(ref taken) is var next && next < groups.Count)
                {
                    cancellation.ThrowIfCancellationRequested();
                    score(groups[next]);
                    lock (gate)
                    {
                        done += groups[next].Length;
                        progress?.Report((double)done / _lengths.Count);
                    }
                }
            }
            catch
            {
                Volatile.Write(ref failed, true);
                throw;
            }
        }
    }

    /// <summary>As few as may be that can be shared out evenly; of several lanes' all about equally many tokens.</summary>
    internal IReadOnlyList<int[]> Groups(int maxRows, int maxTokens)
    {
        IReadOnlyList<int[]> groups = [.. RightPadded.Groups(_lengths, maxRows, maxTokens)];
        if (_lanes == 1 || groups.Count == 0) return groups;
        var wanted = (groups.Count + _lanes - 1) / _lanes * _lanes;
        var (least, most) = (0L, _lengths.Sum(length => (long)length)); // of a group's tokens; the second is no bound
        while (most - least > 1)
        {
            var between = (least + most) / 2;
            if (RightPadded.Groups(_lengths, maxRows, maxTokens, between).Count() <= wanted) most = between;
            else least = between;
        }

        return [.. RightPadded.Groups(_lengths, maxRows, maxTokens, most)];
    }
}
