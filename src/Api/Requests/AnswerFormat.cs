namespace ContinualService.Api.Requests;

/// <summary>The format that a request asks for, of a route that has several.</summary>
internal static class AnswerFormat
{
    /// <summary>What <c>?format=</c> says, whether the route has it or not; else what Accept asks for among <paramref name="formats"/>; else json.</summary>
    public static string Of(HttpRequest request, IReadOnlyCollection<string> formats)
    {
        var asked = request.Query["format"].ToString();
        if (asked.Length > 0) return asked;
        var accept = request.Headers.Accept.ToString();
        return formats.Contains("csv") && accept.Contains("text/csv", StringComparison.OrdinalIgnoreCase) ? "csv"
            : formats.Contains("mermaid") && accept.Contains("text/vnd.mermaid", StringComparison.OrdinalIgnoreCase) ? "mermaid"
            : formats.Contains("svg") && accept.StartsWith("image/svg", StringComparison.OrdinalIgnoreCase) ? "svg"
            : "json";
    }
}
