namespace ContinualService.Infrastructure;

/// <summary>The system's clock in whole milliseconds, as the database keeps them: an answer to POST shows the moment that every later GET shows.</summary>
internal sealed class MillisecondClock : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(base.GetUtcNow().ToUnixTimeMilliseconds());
}
