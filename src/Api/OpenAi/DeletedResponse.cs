using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi;

/// <summary>Tells that a thing of the /v1 routes is gone.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Object">What it was: file or model.</param>
public sealed record DeletedResponse([property: JsonPropertyName("id")] string Id, [property: JsonPropertyName("object")] string Object)
{
    /// <summary>Always true: what cannot be deleted is answered with an error.</summary>
    [JsonPropertyName("deleted")]
    public bool Deleted => true;
}
