using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>How a job tunes.</summary>
/// <param name="Supervised">Its settings.</param>
public sealed record JobMethodResponse([property: JsonPropertyName("supervised")] JobSupervisedResponse Supervised)
{
    /// <summary>Always supervised.</summary>
    [JsonPropertyName("type")]
    public string Type => "supervised";
}
