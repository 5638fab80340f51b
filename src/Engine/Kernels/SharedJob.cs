using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>Some rows or columns of a job, whose parts may run side by side.</summary>
internal interface IJob
{
    void Run(int from, int to);
}

/// <summary>Jobs of training's kernels on as many threads as libtorch would take where they are called.</summary>
internal static class SharedJob
{
    // For each thread: for less it is not worth its waking (docs/performance.md).
    private const long LeastNumbers = 1 << 16;

    /// <summary>Runs all of it.</summary>
    /// <param name="job">What.</param>
    /// <param name="count">Its rows or columns.</param>
    /// <param name="numbers">That it computes with.</param>
    public static void Run<TJob>(TJob job, int count, long numbers)
        where TJob : struct, IJob
    {
        var parts = numbers < 2 * LeastNumbers ? 1 : (int)Math.Min(numbers / LeastNumbers, Math.Min(count, get_num_threads()));
        if (parts == 1) job.Run(0, count);
        else SideBySide(job, count, parts);
    }

    // Apart, so that a job for one thread is no object.
    private static void SideBySide<TJob>(TJob job, int count, int parts)
        where TJob : struct, IJob =>
        Parallel.For(0, parts, part => job.Run((int)((long)count * part / parts), (int)((long)count * (part + 1) / parts)));
}
