namespace ContinualService.Engine.Training;

/// <summary>What the trainer needs beside its own arguments to write checkpoints and to go on from one.</summary>
internal sealed record ResumableRun
{
    /// <exception cref="CheckpointException">The checkpoint to continue from was made of other inputs.</exception>
    public ResumableRun(TrainingInputs inputs, Checkpointing checkpointing)
    {
        checkpointing.From?.CheckFits(inputs);
        (Inputs, Checkpointing) = (inputs, checkpointing);
    }

    public TrainingInputs Inputs { get; }

    public Checkpointing Checkpointing { get; }
}
