using ContinualService.Api.Errors;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Models;

namespace ContinualService.Api.Models;

/// <summary>Resolves a model's name from a request.</summary>
internal static class ModelChoice
{
    /// <summary>The named model, or the default where none is named, with its files readable.</summary>
    public static Outcome<CatalogModel> Choose(this ModelCatalog catalog, ModelTexts texts, string? name)
    {
        var model = name is null ? catalog.Default : catalog.Find(name);
        if (model is null)
        {
            var reason = name is null ? "The service has no default model" : $"There is no base model '{name}'";
            var offered = string.Join(", ", catalog.Models.Select(other => other.Name));
            return new Problem(ProblemTypes.UnknownModel, $"{reason}. Name one of: {(offered.Length > 0 ? offered : "(none is installed; the operator sets Models:Root)")}.")
            {
                Errors = [new FieldError(null, "model", $"{reason}.", "GET /models lists what there is.")],
            };
        }

        try
        {
            _ = texts.Of(model);
            return model;
        }
        catch (ModelFormatException exception)
        {
            // The folder is there but holds something this product does not compute; the message says what and what to do.
            return new Problem(ProblemTypes.UnknownModel, $"The model '{model.Name}' cannot be used: {exception.Message}");
        }
    }

    /// <summary>The base that an adapter was made for, with the very files it was made for.</summary>
    public static Outcome<CatalogModel> BaseOf(this ModelCatalog catalog, Adapter adapter)
    {
        if (catalog.Find(adapter.Model) is not { } model)
            return new Problem(ProblemTypes.Unavailable, $"The base model '{adapter.Model}' of '{adapter.Name}' is not installed now. Have the operator put its folder back below Models:Root, then send the request again.");
        if (model.Digest != adapter.BaseDigest)
            return new Problem(ProblemTypes.OtherBase, $"The files of base model '{adapter.Model}' are not those that '{adapter.Name}' was made for (digest {model.Digest}, not {adapter.BaseDigest}). Have the operator put them back, or POST /adapters for a new one.");
        return model;
    }
}
