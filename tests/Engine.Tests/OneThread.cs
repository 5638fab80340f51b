using TorchSharp;
using Xunit;

[assembly: AssemblyFixture(typeof(ContinualService.Engine.Tests.OneThread))]

namespace ContinualService.Engine.Tests;

/// <summary>
/// Before any test: each computes on the thread that it runs on. Test classes run side by side, and sums that several threads share out depend on how many there are.
/// </summary>
public sealed class OneThread
{
    public OneThread() => torch.set_num_threads(1);
}
