using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests;

/// <summary>Tests that say how many threads an operation takes, which belongs in part to the process: nobody else runs beside them, and whoever needs one thread (<see cref="OneThread"/>) ran before.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ThreadsCollection
{
    public const string Name = "threads";

    /// <summary>What is made with each of two numbers of threads; afterwards this thread has as many as before.</summary>
    internal static (T One, T Other) With<T>(int one, int other, Func<T> make)
    {
        var before = get_num_threads();
        try
        {
            return (Make(one), Make(other));
        }
        finally
        {
            set_num_threads(before);
        }

        T Make(int threads)
        {
            set_num_threads(threads);
            return make();
        }
    }
}
