using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi;

/// <summary>A page of a /v1 list.</summary>
/// <param name="Data">The items, newest first unless <c>order=asc</c>.</param>
/// <param name="HasMore">Whether there are items after <c>last_id</c>.</param>
/// <param name="FirstId">Id of the first item; null on an empty page.</param>
/// <param name="LastId">Id of the last item, to give back as <c>after</c>; null on an empty page.</param>
public sealed record OpenAiList<T>(
    [property: JsonPropertyName("data")] IReadOnlyList<T> Data,
    [property: JsonPropertyName("has_more")] bool HasMore,
    [property: JsonPropertyName("first_id")] string? FirstId,
    [property: JsonPropertyName("last_id")] string? LastId)
{
    /// <summary>Always list.</summary>
    [JsonPropertyName("object")]
    public string Object => "list";
}
