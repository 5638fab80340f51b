namespace ContinualService.Api.Swagger;

/// <summary>Endpoint metadata: a refusal that a route has beyond those that its kind has.</summary>
internal sealed record DocumentedStatus(int Status, string Description)
{
    public static DocumentedStatus Conflict { get; } = new(StatusCodes.Status409Conflict, "What there is does not allow it now; the detail says what stands in the way.");
}
