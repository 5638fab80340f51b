namespace ContinualService.Api.Errors;

/// <summary>One kind of problem that a client can meet: its stable code, HTTP status and title.</summary>
internal sealed record ProblemType(string Code, int Status, string Title)
{
    /// <summary>The stable identifier in the <c>type</c> member of problem+json; it names the kind and is not meant to be opened.</summary>
    public string Uri => $"urn:continual-service:problem:{Code}";
}
