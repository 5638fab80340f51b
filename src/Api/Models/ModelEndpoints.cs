using ContinualService.Api.Requests;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContinualService.Api.Models;

/// <summary>Routes of the base models.</summary>
internal static class ModelEndpoints
{
    public static IServiceCollection AddModels(this IServiceCollection services) => services.AddSingleton<ModelTexts>();

    public static void MapModels(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/models", List).WithName("ListModels").WithTags("Models").RequireAuthorization().Produces<Page<ModelResponse>>();

    /// <summary>Lists the base models on offer.</summary>
    private static Ok<Page<ModelResponse>> List(ModelCatalog catalog, ModelTexts texts)
    {
        var byDefault = catalog.Default?.Name;
        return TypedResults.Ok(new Page<ModelResponse>([.. catalog.Models.Select(model => Describe(model, texts, model.Name == byDefault))], null));
    }

    private static ModelResponse Describe(CatalogModel model, ModelTexts texts, bool isDefault)
    {
        try
        {
            var (config, chat) = (model.Config, texts.Of(model).Chat);
            var linears = LoraWeights.Resolve(config, new LoraConfig(1, 1, [LoraConfig.AllLinear])).Select(site => site.Path[(site.Path.LastIndexOf('.') + 1)..]).Distinct();
            return new ModelResponse(
                model.Name, isDefault, Usable: true, Reason: null, config.ModelType, config.MaxPositions, config.VocabularySize, config.HiddenSize, config.LayerCount,
                chat.HasTemplate, [.. linears]);
        }
        catch (ModelFormatException exception)
        {
            // One folder that cannot be used must not hide the others.
            return new ModelResponse(model.Name, isDefault, Usable: false, exception.Message, null, null, null, null, null, null, null);
        }
    }
}
