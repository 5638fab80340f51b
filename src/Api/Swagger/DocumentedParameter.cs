namespace ContinualService.Api.Swagger;

/// <summary>Endpoint metadata: a query or header parameter that the endpoint reads itself.</summary>
internal sealed record DocumentedParameter(string Name, string Description, bool InHeader = false, params string[] Choices)
{
    public static DocumentedParameter[] Paging { get; } =
    [
        new("limit", "Items on a page, 1 to 100; default 20."),
        new("cursor", "nextCursor of the page before."),
    ];
}
