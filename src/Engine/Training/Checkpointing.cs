namespace ContinualService.Engine.Training;

/// <summary>How a run can be cut between two steps and continued later, by another process if need be. When that happens is the caller's affair.</summary>
public sealed record Checkpointing
{
    /// <summary>Digest of the base model, which the tensors alone do not tell; see <see cref="Models.ModelDigest"/>.</summary>
    public required string BaseDigest { get; init; }

    /// <summary>Where to continue; null: before the first step.</summary>
    public TrainingCheckpoint? From { get; init; }

    /// <summary>
    /// Asked with the steps made and the steps of the whole run: before the first step, between any two, and after the last, when the weights are
    /// final but not handed over yet.
    /// </summary>
    public required Func<int, int, CheckpointDecision> Decide { get; init; }

    /// <summary>Takes a checkpoint, on the training thread. It shows the live tensors: it is good until this returns.</summary>
    public required Action<TrainingCheckpoint> Write { get; init; }
}
