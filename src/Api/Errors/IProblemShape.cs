namespace ContinualService.Api.Errors;

/// <summary>Endpoint metadata for routes whose errors have another shape than problem+json, as the OpenAI routes must.</summary>
internal interface IProblemShape
{
    Task WriteAsync(HttpContext http, Problem problem);
}
