using Hangfire;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Worker.Tests;

public sealed class QueueStorageTests
{
    /// <summary>Hangfire's configuration is one per process; a host that took its storage from there could get another host's, and its tasks would wait for ever.</summary>
    [Fact]
    public async Task Storage_TwoHostsInOneProcess_EachHasItsOwn()
    {
        await using var first = new TestService();
        await using var second = new TestService();
        _ = (first.Services.GetRequiredService<IGlobalConfiguration>(), second.Services.GetRequiredService<IGlobalConfiguration>());

        Assert.NotSame(first.Services.GetRequiredService<JobStorage>(), second.Services.GetRequiredService<JobStorage>());
    }
}
