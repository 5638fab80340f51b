using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>Something that happened to a job.</summary>
public sealed class JobEventResponse
{
    /// <summary>ftevent-...</summary>
    [JsonPropertyName("id")]
    public required string Id { get; init; }

    /// <summary>Always fine_tuning.job.event.</summary>
    [JsonPropertyName("object")]
    public string Object => "fine_tuning.job.event";

    /// <summary>Unix seconds.</summary>
    [JsonPropertyName("created_at")]
    public required long CreatedAt { get; init; }

    /// <summary>info, warn or error.</summary>
    [JsonPropertyName("level")]
    public required string Level { get; init; }

    /// <summary>What happened, in words.</summary>
    [JsonPropertyName("message")]
    public required string Message { get; init; }

    /// <summary>metrics where data holds numbers to plot, else message.</summary>
    [JsonPropertyName("type")]
    public required string Type { get; init; }

    /// <summary>What happened, for programs.</summary>
    [JsonPropertyName("data")]
    public required JsonObject Data { get; init; }

    /// <summary>The event's name at GET /tasks/{id}/events.</summary>
    [JsonPropertyName("x_event")]
    public required string Event { get; init; }
}
