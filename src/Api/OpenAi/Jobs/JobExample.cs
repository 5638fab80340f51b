using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>What Swagger UI shows for POST /v1/fine_tuning/jobs; the route itself reads the body strictly, field by field.</summary>
/// <param name="Model" example="tiny-llama">A base model for a new adapter; an adapter (also adapter@live, or a fine_tuned_model) for its next task.</param>
/// <param name="TrainingFile" example="file-0193">Id of a file of POST /v1/files.</param>
/// <param name="ValidationFile" example="file-0194">Id of the file of held-out rows; absent: a tenth of the training rows is held out.</param>
/// <param name="Suffix" example="support">What to call the new adapter; a number is added where the name is taken.</param>
/// <param name="Seed" example="42">From 0. The same seed on the same machine gives the same adapter.</param>
/// <param name="Metadata">Your own texts, given back unchanged.</param>
/// <param name="Method">How to tune; the older hyperparameters beside it is read too.</param>
internal sealed record JobExample(
    string Model,
    [property: JsonPropertyName("training_file")] string TrainingFile,
    [property: JsonPropertyName("validation_file")] string? ValidationFile,
    string? Suffix,
    int? Seed,
    IReadOnlyDictionary<string, string>? Metadata,
    JobMethodResponse? Method);
