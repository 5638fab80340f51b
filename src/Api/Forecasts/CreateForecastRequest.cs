using System.Text.Json.Nodes;
using ContinualService.Api.Tasks;
using ContinualService.Domain.Tasks;

namespace ContinualService.Api.Forecasts;

/// <summary>Rows of a task that is not sent yet, as POST /tasks takes them; or the tasks that wait.</summary>
internal sealed class CreateForecastRequest
{
    /// <summary>true: the adapter's waiting tasks are measured and compared, and nothing else may be sent with it.</summary>
    public bool? Waiting { get; init; }

    /// <summary>What to call the task, at most 200 characters.</summary>
    public string? Name { get; init; }

    /// <summary>The training rows inline; one of examples, datasetId and file.</summary>
    public JsonArray? Examples { get; init; }

    /// <summary>A data set of <c>POST /datasets</c>.</summary>
    public string? DatasetId { get; init; }

    /// <summary>The rows that the base and the head are scored on; absent: a tenth of the training rows is held out.</summary>
    public EvaluationRequest? Evaluation { get; init; }

    /// <summary>As the task would have them; only maxSequenceLength and seed count here.</summary>
    public Hyperparameters? Hyperparameters { get; init; }
}
