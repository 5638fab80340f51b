using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.Serving;
using ContinualService.Api.Tenants;

namespace ContinualService.Api.OpenAi;

/// <summary>The OpenAI-compatible inference routes.</summary>
internal static class OpenAiRoutes
{
    public static IServiceCollection AddOpenAi(this IServiceCollection services)
    {
        services.AddOptions<ServingOptions>().BindConfiguration("Serving").ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<ModelHost>();
        services.AddScoped<ServedModelResolver>();
        services.AddScoped<CompletionService>();
        return services;
    }

    public static IEndpointRouteBuilder MapOpenAi(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1").RequireAuthorization().WithTags("OpenAI").WithMetadata(new OpenAiProblemShape());
        group.AddEndpointFilter(OpenAiErrors.Filter);
        group.MapPost("/chat/completions", ChatAsync)
            .WithSummary("Chat with a base model or an adapter")
            .WithDescription("model: adapter, adapter@7, adapter@sha256:..., adapter:alias, or a base model's name. Unknown options are refused by name.")
            .Accepts<ChatExample>("application/json");
        group.MapPost("/completions", TextAsync)
            .WithSummary("Complete a text or a list of token ids")
            .Accepts<TextExample>("application/json");
        group.MapGet("/models", ModelRoutes.ListAsync).WithSummary("The models that this key can use");
        group.MapGet("/models/{**id}", ModelRoutes.GetAsync).WithSummary("One model");
        return routes;
    }

    private static async Task<IResult> ChatAsync(HttpContext http, CompletionService service)
    {
        var request = ChatRequest.Parse(await ReadBodyAsync(http));
        return await service.ChatAsync(http.User.Tenant(), request, http, http.RequestAborted);
    }

    private static async Task<IResult> TextAsync(HttpContext http, CompletionService service)
    {
        var request = TextRequest.Parse(await ReadBodyAsync(http));
        return await service.TextAsync(http.User.Tenant(), request, http, http.RequestAborted);
    }

    private static async Task<JsonObject> ReadBodyAsync(HttpContext http)
    {
        if (!http.Request.HasJsonContentType())
            throw new OpenAiException(StatusCodes.Status415UnsupportedMediaType, "Send the request as application/json.", code: "unsupported_media_type");
        try
        {
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            return await JsonNode.ParseAsync(http.Request.Body, documentOptions: options, cancellationToken: http.RequestAborted) as JsonObject
                ?? throw new OpenAiException(400, "The body must be a JSON object.", code: "invalid_json");
        }
        catch (JsonException error)
        {
            throw new OpenAiException(400, $"The body is not valid JSON (line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}). Correct it and send it again.", code: "invalid_json");
        }
    }
}
