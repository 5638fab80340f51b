using System.Runtime.ExceptionServices;
using ContinualService.Engine.Models;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// Work shared out among lanes that run side by side on a CPU, each with its own part of the processors: these do not meet after every operation, where all wait for the one that somebody else has taken away, but once, at the end.
/// </summary>
internal static class SideBySide
{
    /// <summary>The threads that lanes may share: of a GPU one, and of a base whose blocks are made when they are run as well, since every lane would make its own.</summary>
    public static int Threads(int threads, bool onCpu, BaseHolding holding) => onCpu && !holding.MakesBlocks ? threads : 1;

    /// <summary>How many lanes: as many as divide the threads, and no more than <paramref name="most"/>; at least one.</summary>
    public static int Lanes(int threads, long most)
    {
        var bound = (int)Math.Clamp(most, 1, threads);
        return Enumerable.Range(1, bound).Last(lanes => threads % lanes == 0);
    }

    /// <summary>Calls <paramref name="work"/> with the number of each lane. How many threads an operation takes belongs to the thread that calls it, and in part to the process: all lanes take as many, and the caller's are what they were afterwards.</summary>
    /// <param name="lanes">How many.</param>
    /// <param name="threads">That an operation takes within a lane.</param>
    /// <param name="work">Has a dispose scope of its own; what it leaves in it is disposed of.</param>
    /// <exception cref="Exception">What the first of them threw that failed, when all have ended.</exception>
    public static void Run(int lanes, int threads, Action<int> work)
    {
        var before = get_num_threads();
        try
        {
            Parallel.For(0, lanes, new ParallelOptions { MaxDegreeOfParallelism = lanes }, lane =>
            {
                set_num_threads(threads);
                using var scope = NewDisposeScope();
                work(lane);
            });
        }
        catch (AggregateException errors)
        {
            ExceptionDispatchInfo.Throw(errors.InnerExceptions[0]);
        }
        finally
        {
            set_num_threads(before);
        }
    }
}
