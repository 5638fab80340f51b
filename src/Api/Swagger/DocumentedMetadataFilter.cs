using System.Text.Json.Nodes;
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
        if (metadata.OfType<IAuthorizeData>().Any()) AddProblem(operation, context, "401", "The key is missing or not known.");
        if (context.ApiDescription.RelativePath?.Contains('{') == true) AddProblem(operation, context, "404", "It does not exist for this key.");
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

    private static void AddProblem(OpenApiOperation operation, OperationFilterContext context, string status, string description) =>
        (operation.Responses ??= []).TryAdd(status, new OpenApiResponse
        {
            Description = description,
            Content = new Dictionary<string, IOpenApiMediaType>
            {
                ["application/problem+json"] = new OpenApiMediaType { Schema = context.SchemaGenerator.GenerateSchema(typeof(Errors.ProblemBody), context.SchemaRepository) },
            },
        });
}
