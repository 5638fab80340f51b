namespace ContinualService.Api.Previews;

/// <summary>Which merge becomes a version.</summary>
public sealed class AdoptRequest
{
    /// <summary>One of the preview's lambdas.</summary>
    public double? Lambda { get; init; }

    /// <summary>In place of it one of the preview's schedules, by the name that its point has: 0.2..0.8 or 0.1,0.5,0.9.</summary>
    public string? Schedule { get; init; }
}
