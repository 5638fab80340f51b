namespace ContinualService.Worker.Tests.Upkeep;

/// <summary>On SQLite.</summary>
public sealed class EmbeddedRetentionTests : RetentionTests
{
    public EmbeddedRetentionTests()
        : base(shared: false)
    {
    }
}
