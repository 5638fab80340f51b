namespace ContinualService.Api.Previews;

/// <summary>Which merge becomes a version.</summary>
public sealed class AdoptRequest
{
    /// <summary>One of the preview's lambdas.</summary>
    public double? Lambda { get; init; }
}
