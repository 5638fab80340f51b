using System.Text.Json.Nodes;
using ContinualService.Domain.Tasks;
using Microsoft.OpenApi;

namespace ContinualService.Api.Swagger;

/// <summary>The interface's description at <c>/swagger</c>.</summary>
internal static class SwaggerSetup
{
    private const string Description =
        "Send one task data set after another: each fine-tunes your adapter, merges into it, measures every task seen so far, and publishes "
        + "an immutable version. Press **Authorize** and give your API key first.";

    public static IServiceCollection AddSwaggerDocument(this IServiceCollection services) => services
        .AddEndpointsApiExplorer()
        .AddSwaggerGen(options =>
        {
            options.SwaggerDoc("v1", new OpenApiInfo { Title = "ContinualService", Version = "v1", Description = Description });
            options.IncludeXmlComments(typeof(SwaggerSetup).Assembly);
            // HEAD goes without saying.
            options.DocInclusionPredicate((_, route) => route.HttpMethod != HttpMethods.Head);
            options.SupportNonNullableReferenceTypes();
            options.NonNullableReferenceTypesAsRequired();
            options.MapType<JsonObject>(() => new OpenApiSchema { Type = JsonSchemaType.Object, AdditionalPropertiesAllowed = true });
            options.MapType<JsonNode>(() => new OpenApiSchema());
            options.MapType<JsonArray>(() => new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { Type = JsonSchemaType.Object } });
            options.MapType<LearningRateSchedule>(() => new OpenApiSchema
            {
                Type = JsonSchemaType.String,
                Enum = [.. Enum.GetNames<LearningRateSchedule>().Select(name => JsonValue.Create(name.ToLowerInvariant()))],
            });
            options.OperationFilter<DocumentedMetadataFilter>();
            options.AddSecurityDefinition("Bearer", new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                Description = "Your API key. The first one is in bootstrap-key.txt in the service's data folder.",
            });
            options.AddSecurityRequirement(document => new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("Bearer", document)] = [] });
        });

    public static WebApplication UseSwaggerDocument(this WebApplication app)
    {
        app.UseSwagger();
        app.UseSwaggerUI(options =>
        {
            options.DocumentTitle = "ContinualService API";
            options.EnablePersistAuthorization();
            options.DisplayRequestDuration();
        });
        return app;
    }
}
