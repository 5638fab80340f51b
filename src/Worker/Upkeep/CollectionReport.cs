namespace ContinualService.Worker.Upkeep;

/// <summary>What one pass of the collector saw and did.</summary>
public sealed class CollectionReport
{
    /// <summary>Objects in the store.</summary>
    public long Listed { get; internal set; }

    public long ListedBytes { get; internal set; }

    /// <summary>Objects that no row names and that are old enough; deleted unless it was a dry run.</summary>
    public long Collected { get; internal set; }

    public long CollectedBytes { get; internal set; }

    /// <summary>Objects that could not be deleted; the next pass tries again.</summary>
    public long Failed { get; internal set; }
}
