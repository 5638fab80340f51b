namespace ContinualService.Api.Previews;

/// <summary>Which merge becomes a version.</summary>
public sealed class AdoptRequest
{
    /// <summary>One of the preview's lambdas.</summary>
    public double? Lambda { get; init; }

    /// <summary>In place of it one of the preview's schedules, by the name that its point has: 0.2..0.8 or 0.1,0.5,0.9.</summary>
    public string? Schedule { get; init; }

    /// <summary>Where the adapter's gate does not let the point through: why it is to answer all the same, in your words, at most 1,000 characters; kept with the version and in the audit log.</summary>
    public string? Override { get; init; }
}
