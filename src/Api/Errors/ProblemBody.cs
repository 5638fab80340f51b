using System.Text.Json.Serialization;

namespace ContinualService.Api.Errors;

/// <summary>The body of every answer that is not a success (<c>application/problem+json</c>, RFC 9457).</summary>
public sealed class ProblemBody
{
    /// <summary>Stable identifier of the kind of problem.</summary>
    public required string Type { get; init; }

    /// <summary>The kind of problem in words.</summary>
    public required string Title { get; init; }

    /// <summary>HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>What happened and what to do next.</summary>
    public required string Detail { get; init; }

    /// <summary>Short stable code for programs.</summary>
    public required string Code { get; init; }

    /// <summary>Finds this request in the service's logs.</summary>
    public required string TraceId { get; init; }

    /// <summary>The task that the problem is about, where one is known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? TaskId { get; init; }

    /// <summary>Up to 100 errors; <c>errorCount</c> says how many there are.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<FieldError>? Errors { get; init; }

    /// <summary>How many errors there are in all, listed or not.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? ErrorCount { get; init; }
}
