namespace ContinualService.Domain.Tasks;

/// <summary>What a task that came over the OpenAI interface was asked with, as far as the task itself does not say it; given back as it came.</summary>
public sealed class FineTuningJob
{
    public required string TaskId { get; init; }

    /// <summary>As the client named it: a base model, for which an adapter was made, or the adapter whose next task this is.</summary>
    public required string Model { get; init; }

    /// <summary>What the client wished the new adapter to be called; null: nothing.</summary>
    public string? Suffix { get; init; }

    /// <summary>The file the rows came from. They were copied into a data set: the file may be gone.</summary>
    public required string TrainingFileId { get; init; }

    /// <summary>The file the held-out rows came from; null: they were taken from the training rows.</summary>
    public string? ValidationFileId { get; init; }
}
