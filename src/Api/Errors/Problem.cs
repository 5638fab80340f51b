using ContinualService.Api.Requests;

namespace ContinualService.Api.Errors;

/// <summary>A refusal as a value: endpoints return it, and it writes itself as problem+json.</summary>
internal sealed class Problem(ProblemType type, string detail) : IResult
{
    private const int ListedErrors = 100;
    private const string RetryAfterSeconds = "10";

    public ProblemType Type => type;
    public string Detail => detail;
    public string? TaskId { get; init; }
    public IReadOnlyList<FieldError>? Errors { get; init; }

    /// <summary>Errors found in all; 0 means as many as are listed.</summary>
    public int ErrorCount { get; init; }

    /// <summary>The part of the request that the errors' lines stand in; null where no file is meant.</summary>
    public string? Part { get; init; }

    public static Problem Invalid(IReadOnlyList<FieldError> errors, ProblemType? type = null, int errorCount = 0, string? part = null) =>
        new(type ?? ProblemTypes.InvalidRequest, Summary(errors, errorCount)) { Errors = errors, ErrorCount = errorCount, Part = part };

    public static Problem Invalid(string? field, string reason, string mend) => Invalid([new FieldError(null, field, reason, mend)]);

    public static Problem NotFound(string what, string mend) => new(ProblemTypes.NotFound, $"{what} does not exist for this key. {mend}");

    public Task ExecuteAsync(HttpContext httpContext)
    {
        if (type.Status == StatusCodes.Status503ServiceUnavailable) httpContext.Response.Headers.RetryAfter = RetryAfterSeconds;
        var shape = httpContext.RequestServices.GetServices<IProblemShape>().FirstOrDefault(other => other.Covers(httpContext.Request.Path));
        if (shape is not null) return shape.WriteAsync(httpContext, this);
        httpContext.Response.StatusCode = type.Status;
        var body = new ProblemBody
        {
            Type = type.Uri,
            Title = type.Title,
            Status = type.Status,
            Detail = detail,
            Code = type.Code,
            TraceId = httpContext.RequestId(),
            TaskId = TaskId,
            Errors = Errors?.Take(ListedErrors).ToList(),
            ErrorCount = Errors is null ? null : Math.Max(ErrorCount, Errors.Count),
        };
        return httpContext.Response.WriteAsJsonAsync(body, options: null, contentType: "application/problem+json", httpContext.RequestAborted);
    }

    private static string Summary(IReadOnlyList<FieldError> errors, int errorCount)
    {
        var first = errors[0];
        var place = (first.Line, first.Field) switch
        {
            ({ } line, { } field) => $"Line {line}, {field}: ",
            ({ } line, null) => $"Line {line}: ",
            (null, { } field) => $"{field}: ",
            _ => "",
        };
        var more = Math.Max(errorCount, errors.Count) - 1;
        var rest = more > 0 ? $" (and {more} more, see errors)" : "";
        return $"{place}{first.Reason} {first.Mend}{rest}";
    }
}
