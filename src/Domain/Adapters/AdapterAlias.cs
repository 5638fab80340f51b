namespace ContinualService.Domain.Adapters;

/// <summary>A movable name for a version, such as <c>live</c>.</summary>
public sealed class AdapterAlias
{
    /// <summary>The alias that serving uses when a request names no version.</summary>
    public const string Live = "live";

    public required string AdapterId { get; init; }

    public required string Name { get; init; }

    public int VersionNumber { get; set; }

    public DateTimeOffset UpdatedAt { get; set; }
}
