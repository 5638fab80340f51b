namespace ContinualService.Api.Adapters;

/// <summary>Why a refused version is to answer all the same.</summary>
public sealed class OverrideRequest
{
    /// <summary>In your words, at most 1,000 characters; kept with the version and in the audit log.</summary>
    public string? Reason { get; init; }
}
