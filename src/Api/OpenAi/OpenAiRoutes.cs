using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Api.OpenAi.Files;
using ContinualService.Api.OpenAi.Jobs;
using ContinualService.Api.Requests;
using ContinualService.Api.Serving;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tenants;

namespace ContinualService.Api.OpenAi;

/// <summary>The OpenAI-compatible inference routes.</summary>
internal static class OpenAiRoutes
{
    public const string Prefix = "/v1";

    private const string ChatBody =
        """{"model": "tiny-llama", "messages": [{"role": "user", "content": "Where is my order?"}], "temperature": 0, "max_tokens": 64, "stream": false}""";
    private const string TextBody = """{"model": "tiny-llama", "prompt": "Once upon a time", "max_tokens": 16, "temperature": 0, "echo": false, "logprobs": 5}""";

    private static readonly DocumentedStatus[] s_generation =
    [
        new(StatusCodes.Status404NotFound, "There is no such model for this key, or it cannot be served."),
        new(StatusCodes.Status429TooManyRequests, "Too many of your requests wait already; Retry-After says when to try again."),
    ];

    public static IServiceCollection AddOpenAi(this IServiceCollection services)
    {
        services.AddSingleton<IProblemShape, OpenAiProblemShape>();
        services.AddScoped<CompletionService>();
        services.AddScoped<FileStore>();
        services.AddJobs();
        return services;
    }

    public static IEndpointRouteBuilder MapOpenAi(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup(Prefix).RequireAuthorization().WithTags("OpenAI");
        group.AddEndpointFilter(OpenAiErrors.Filter);
        group.MapPost("/chat/completions", ChatAsync)
            .WithSummary("Chat with a base model or an adapter")
            .WithDescription("model: adapter, adapter@7, adapter@sha256:..., adapter:alias, a job's fine_tuned_model (ft:base:org:suffix:id), a point of a merge preview (adapter@PREVIEW_ID:0.375), versions mixed by weights (adapter@mix:1*0.3+3*0.7), or a base model's name. Unknown options are refused by name.")
            .Accepts<ChatExample>("application/json").WithMetadata(new DocumentedBody(ChatBody)).WithMetadata(s_generation);
        group.MapPost("/completions", TextAsync)
            .WithSummary("Complete a text or a list of token ids")
            .Accepts<TextExample>("application/json").WithMetadata(new DocumentedBody(TextBody)).WithMetadata(s_generation);
        group.MapGet("/models", ModelRoutes.ListAsync).WithSummary("The models that this key can use").WithMetadata(ModelRoutes.Documented);
        group.MapGet("/models/{**id}", ModelRoutes.GetAsync).WithSummary("One model");
        group.MapDelete("/models/{**id}", ModelRoutes.DeleteAsync).WithName("DeleteModel").WithMetadata(DocumentedStatus.Conflict, new DocumentedStatus(StatusCodes.Status403Forbidden, "A base model is not yours to delete.")).WithSummary("Delete an adapter and every version of it").Produces<DeletedResponse>();
        group.MapFiles();
        group.MapJobs();
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
        if ((await RequestBody.ReadAsync(http.Request, form: null, http.RequestAborted)).Failed(out var problem, out var body))
            throw new OpenAiException(problem.Type.Status, problem.Detail, code: problem.Type == ProblemTypes.MalformedBody ? "invalid_json" : problem.Type.Code);
        return body.Fields;
    }
}
