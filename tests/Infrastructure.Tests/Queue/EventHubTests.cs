using ContinualService.Infrastructure.Queue;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Queue;

public sealed class EventHubTests
{
    [Fact]
    public async Task Publish_WhileOthersWait_WakesThoseOfThatTaskOnly()
    {
        var hub = new EventHub();
        var (first, second, other) = (hub.Next("a"), hub.Next("a"), hub.Next("b"));

        hub.Publish("a");

        await Task.WhenAll(first, second).WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        Assert.False(other.IsCompleted);
        Assert.False(hub.Next("a").IsCompleted);
    }
}
