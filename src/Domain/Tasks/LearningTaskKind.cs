namespace ContinualService.Domain.Tasks;

/// <summary>What a worker does with a task; all wait in one line, because all need the adapter's lease and the device.</summary>
public enum LearningTaskKind
{
    /// <summary>Learns a data set and publishes a version.</summary>
    Training,

    /// <summary>Measures other merges of the last task (<see cref="Previews.MergePreview"/>); trains nothing and publishes nothing.</summary>
    MergePreview,

    /// <summary>Measures tasks before they are learned (<see cref="Forecasts.TaskForecast"/>); trains nothing, publishes nothing, and waits behind no task.</summary>
    Forecast,

    /// <summary>Trains a version's lineage once more and compares (<see cref="Replays.Replay"/>); publishes nothing.</summary>
    Replay,

    /// <summary>Takes a task out of the lineage (<see cref="Unlearnings.Unlearning"/>) and publishes the versions without it.</summary>
    Unlearning,
}
