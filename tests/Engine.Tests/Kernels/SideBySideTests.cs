using ContinualService.Engine.Kernels;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Kernels;

[Collection(ThreadsCollection.Name)]
public sealed class SideBySideTests
{
    [Fact]
    public void Run_Lanes_EachHasItsThreadsAndTheCallerItsOwnAgain()
    {
        var before = get_num_threads();
        var (threads, live) = (new int[3], new Tensor?[3]);

        SideBySide.Run(3, 2, lane => (threads[lane], live[lane]) = (get_num_threads(), zeros(1)));

        Assert.Equal([2, 2, 2], threads);
        Assert.Equal(before, get_num_threads());
        Assert.All(live, tensor => Assert.True(tensor!.IsInvalid)); // left in the lane's scope
    }

    [Fact]
    public void Run_ALaneFails_ItsOwnExceptionComesWhenAllHaveEnded()
    {
        var before = get_num_threads();
        var ended = 0;
        using var both = new Barrier(2);

        var error = Assert.Throws<InvalidDataException>(() => SideBySide.Run(2, 1, lane =>
        {
            both.SignalAndWait(TestContext.Current.CancellationToken);
            if (lane == 0) throw new InvalidDataException("lane 0");
            TestContext.Current.CancellationToken.WaitHandle.WaitOne(50);
            Interlocked.Increment(ref ended);
        }));

        Assert.Equal("lane 0", error.Message);
        Assert.Equal(1, ended);
        Assert.Equal(before, get_num_threads());
    }
}
