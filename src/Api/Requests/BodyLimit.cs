using ContinualService.Api.Errors;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Requests;

/// <summary>Answers 413 before a body that is too large is read.</summary>
internal static class BodyLimit
{
    public static IServiceCollection AddBodyLimit(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<LimitsOptions>().Bind(configuration.GetSection("Limits")).ValidateDataAnnotations().ValidateOnStart();
        services.AddOptions<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>()
            .Configure<IOptions<LimitsOptions>>((kestrel, limits) => kestrel.Limits.MaxRequestBodySize = limits.Value.MaxUploadBytes);
        // The body's own limit decides; the form reader's smaller defaults would answer with a different error.
        services.Configure<FormOptions>(form => (form.MultipartBodyLengthLimit, form.ValueLengthLimit) = (long.MaxValue, int.MaxValue));
        return services;
    }

    public static WebApplication UseBodyLimit(this WebApplication app)
    {
        var limit = app.Services.GetRequiredService<IOptions<LimitsOptions>>().Value.MaxUploadBytes;
        app.Use((http, next) =>
        {
            if (http.Request.ContentLength is not { } length || length <= limit) return next(http);
            // Without its own limit the server drains what the client is still sending, so that the client gets to read the answer.
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature) feature.MaxRequestBodySize = null;
            http.Response.Headers.Connection = "close";
            return Problem(http).ExecuteAsync(http);
        });
        return app;
    }

    public static Problem Problem(HttpContext http)
    {
        var limit = http.RequestServices.GetRequiredService<IOptions<LimitsOptions>>().Value.MaxUploadBytes;
        return new Problem(ProblemTypes.TooLarge,
            $"The body may have {limit} bytes. Send fewer rows, split the data into several tasks, or have the operator raise Limits:MaxUploadBytes.");
    }
}
