using System.Text.Json.Nodes;
using ContinualService.Domain.Tasks;

namespace ContinualService.Api.Tasks;

/// <summary>One task data set for an adapter's stream.</summary>
public sealed class SubmitTaskRequest
{
    /// <summary>Id or name of the adapter; absent: your default adapter, made on first use.</summary>
    public string? Adapter { get; init; }

    /// <summary>The base of the default adapter; only read when that is made.</summary>
    public string? Model { get; init; }

    /// <summary>What to call the task, at most 200 characters; absent: the file's name.</summary>
    public string? Name { get; init; }

    /// <summary>The training rows inline; one of examples, datasetId and file.</summary>
    public JsonArray? Examples { get; init; }

    /// <summary>A data set of <c>POST /datasets</c>.</summary>
    public string? DatasetId { get; init; }

    /// <summary>The rows that the task is scored on; absent: a tenth of the training rows is held out.</summary>
    public EvaluationRequest? Evaluation { get; init; }

    /// <summary>How to tune; every field has a default.</summary>
    public Hyperparameters? Hyperparameters { get; init; }

    /// <summary>Among your own tasks the higher goes first, -100 to 100; absent: 0. Tasks of one adapter keep their order whatever their priority.</summary>
    public int? Priority { get; init; }

    /// <summary>Your own object, given back unchanged; at most 16 KiB.</summary>
    public JsonObject? Metadata { get; init; }
}
