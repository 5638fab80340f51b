using System.Text.Json.Nodes;
using ContinualService.Api.OpenAi;
using ContinualService.Api.Requests;
using Microsoft.AspNetCore.Authorization;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace ContinualService.Api.Swagger;

/// <summary>Puts <see cref="DocumentedBody"/>, <see cref="DocumentedParameter"/> and the answers every route shares into the document.</summary>
internal sealed class DocumentedMetadataFilter : IOperationFilter
{
    private const string Json = "application/json";
    private const string Multipart = "multipart/form-data";

    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        var metadata = context.ApiDescription.ActionDescriptor.EndpointMetadata;
        if (metadata.OfType<DocumentedBody>().LastOrDefault() is { } body) Describe(operation, body);
        foreach (var parameter in metadata.OfType<DocumentedParameter>()) (operation.Parameters ??= []).Add(Describe(parameter));
        foreach (var (status, description) in Refusals(operation, context, metadata)) AddProblem(operation, context, $"{status}", description);
    }

    /// <summary>What a route of this kind may answer instead of what it is there for.</summary>
    private static IEnumerable<DocumentedStatus> Refusals(OpenApiOperation operation, OperationFilterContext context, IList<object> metadata)
    {
        if (operation.RequestBody is not null || metadata.OfType<DocumentedParameter>().Any())
            yield return new(StatusCodes.Status400BadRequest, "The request is not valid; every fault is named, with what to send instead.");
        if (metadata.OfType<IAuthorizeData>().Any()) yield return new(StatusCodes.Status401Unauthorized, "The key is missing or not known.");
        if (context.ApiDescription.RelativePath?.Contains('{') == true) yield return new(StatusCodes.Status404NotFound, "It does not exist for this key.");
        if (operation.RequestBody is not null)
        {
            yield return new(StatusCodes.Status413PayloadTooLarge, "The body is larger than the limit.");
            yield return new(StatusCodes.Status415UnsupportedMediaType, "The content type is not one that this route reads.");
        }

        if (metadata.OfType<IAuthorizeData>().Any())
            yield return new(StatusCodes.Status503ServiceUnavailable, "Something that the service needs does not answer, or it is too busy; Retry-After says when to try again.");
        foreach (var own in metadata.OfType<DocumentedStatus>()) yield return own;
    }

    private static void Describe(OpenApiOperation operation, DocumentedBody body)
    {
        var content = operation.RequestBody?.Content ?? throw new InvalidOperationException($"{operation.OperationId} accepts no body.");
        if (content.TryGetValue(Json, out var json) && json is OpenApiMediaType media) media.Example = JsonNode.Parse(body.ExampleJson);
        if (body.Form is { } form) content[Multipart] = new OpenApiMediaType { Schema = Schema(form) };
    }

    private static OpenApiSchema Schema(FormShape form)
    {
        var properties = new Dictionary<string, IOpenApiSchema>();
        foreach (var file in form.Files) properties[file] = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary" };
        foreach (var name in form.TextFields) properties[name] = new OpenApiSchema { Type = JsonSchemaType.String };
        foreach (var name in form.JsonFields)
            properties[name] = new OpenApiSchema { Type = JsonSchemaType.String, Description = "A JSON object, as in the JSON body." };
        return new OpenApiSchema { Type = JsonSchemaType.Object, Properties = properties, Required = new HashSet<string> { form.Files[0] } };
    }

    private static OpenApiParameter Describe(DocumentedParameter parameter) => new()
    {
        Name = parameter.Name,
        In = parameter.InHeader ? ParameterLocation.Header : ParameterLocation.Query,
        Description = parameter.Description,
        Schema = new OpenApiSchema
        {
            Type = JsonSchemaType.String,
            Enum = parameter.Choices.Length > 0 ? [.. parameter.Choices.Select(choice => JsonValue.Create(choice))] : null,
        },
    };

    private static void AddProblem(OpenApiOperation operation, OperationFilterContext context, string status, string description)
    {
        var openAi = new PathString("/" + context.ApiDescription.RelativePath).StartsWithSegments(OpenAiRoutes.Prefix);
        var (type, body) = openAi ? (Json, typeof(OpenAiErrorBody)) : ("application/problem+json", typeof(Errors.ProblemBody));
        (operation.Responses ??= []).TryAdd(status, new OpenApiResponse
        {
            Description = description,
            Content = new Dictionary<string, IOpenApiMediaType> { [type] = new OpenApiMediaType { Schema = context.SchemaGenerator.GenerateSchema(body, context.SchemaRepository) } },
        });
    }
}
