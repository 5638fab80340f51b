using Hangfire;
using Hangfire.Logging;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Worker.Tests;

public sealed class QueueIsolationTests
{
    /// <summary>Hangfire's configuration is one per process; a host that took its storage or its activator from there could get another host's, and its tasks would wait for ever.</summary>
    [Fact]
    public async Task Services_TwoHostsInOneProcess_EachHasItsOwn()
    {
        await using var first = new TestService();
        await using var second = new TestService();
        _ = (first.Services.GetRequiredService<IGlobalConfiguration>(), second.Services.GetRequiredService<IGlobalConfiguration>());

        Assert.NotSame(first.Services.GetRequiredService<JobStorage>(), second.Services.GetRequiredService<JobStorage>());
        Assert.NotSame(first.Services.GetRequiredService<JobActivator>(), second.Services.GetRequiredService<JobActivator>());
    }

    /// <summary>A type of Hangfire that asks for its logger then could never be used again in this process.</summary>
    [Fact]
    public async Task Logger_AskedForAfterItsHostIsGone_IsSilent()
    {
        var service = new TestService();
        _ = service.Services.GetRequiredService<IGlobalConfiguration>();
        await service.DisposeAsync();

        LogProvider.GetLogger("any").Log(LogLevel.Info, () => "message");
    }
}
