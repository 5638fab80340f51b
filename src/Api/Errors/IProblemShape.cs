namespace ContinualService.Api.Errors;

/// <summary>Another shape than problem+json for every error below some path, as the OpenAI routes must have it.</summary>
internal interface IProblemShape
{
    /// <summary>By path and not by route: a path that no route matches is answered in this shape too.</summary>
    bool Covers(PathString path);

    Task WriteAsync(HttpContext http, Problem problem);
}
