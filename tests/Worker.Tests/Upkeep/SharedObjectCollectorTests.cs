namespace ContinualService.Worker.Tests.Upkeep;

/// <summary>On PostgreSQL and S3.</summary>
public sealed class SharedObjectCollectorTests : ObjectCollectorTests
{
    public SharedObjectCollectorTests()
        : base(shared: true)
    {
    }
}
