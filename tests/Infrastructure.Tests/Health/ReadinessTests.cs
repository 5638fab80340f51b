using ContinualService.Infrastructure.Health;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Health;

public sealed class ReadinessTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Check_WithEveryDependencyThere_IsReady()
    {
        var report = await Of(new DependencyCheck("one", "", _ => Task.FromResult<string?>(null))).CheckAsync();

        Assert.Equal(("ready", "ready"), (report.Status, report.Dependencies["one"].Status));
        Assert.Null(report.Dependencies["one"].Detail);
    }

    [Fact]
    public async Task Check_OfOneThatThrows_GivesTheAdviceAndNotTheMessage()
    {
        var report = await Of(
            new DependencyCheck("good", "", _ => Task.FromResult<string?>(null)),
            new DependencyCheck("bad", "Start it.", _ => throw new InvalidOperationException("password of app@10.0.0.1"))).CheckAsync();

        Assert.Equal("unavailable", report.Status);
        Assert.Equal(new DependencyState("ready"), report.Dependencies["good"]);
        Assert.Equal(new DependencyState("unavailable", "Start it."), report.Dependencies["bad"]);
    }

    [Fact]
    public async Task Check_OfOneThatBlocks_AnswersWithinItsLimit()
    {
        using var never = new ManualResetEventSlim();
        var checking = Of(new DependencyCheck("stuck", "Start it.", _ =>
        {
            never.Wait(TestContext.Current.CancellationToken);
            return Task.FromResult<string?>(null);
        })).CheckAsync();

        _time.Advance(Readiness.Limit);
        var report = await checking;
        never.Set();

        Assert.Equal(new DependencyState("unavailable", "It did not answer within 3 seconds. Start it."), report.Dependencies["stuck"]);
    }

    [Fact]
    public async Task Check_AskedOften_AsksTheDependencyOnceASecond()
    {
        var asked = 0;
        var readiness = Of(new DependencyCheck("one", "", _ => Task.FromResult(Interlocked.Increment(ref asked) > 1 ? "It is gone." : null)));

        Assert.Equal(["ready", "ready"], [(await readiness.CheckAsync()).Status, (await readiness.CheckAsync()).Status]);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("It is gone.", (await readiness.CheckAsync()).Dependencies["one"].Detail);

        Assert.Equal(2, asked);
    }

    private Readiness Of(params DependencyCheck[] checks) => new(checks, _time, NullLogger<Readiness>.Instance);
}
