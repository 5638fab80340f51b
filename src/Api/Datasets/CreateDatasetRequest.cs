using System.Text.Json.Nodes;

namespace ContinualService.Api.Datasets;

/// <summary>A data set given inline.</summary>
public sealed class CreateDatasetRequest
{
    /// <summary>Any name, at most 200 characters; absent: the file's.</summary>
    public string? Name { get; init; }

    /// <summary>The rows, all in one format: messages, prompt + completion, instruction + output, conversations, text, or prompt + answer.</summary>
    public JsonArray? Examples { get; init; }
}
