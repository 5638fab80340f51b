namespace ContinualService.Engine.Training;

/// <summary>What to do between two steps.</summary>
public enum CheckpointDecision
{
    /// <summary>The next step.</summary>
    GoOn,

    /// <summary>Write a checkpoint, then the next step.</summary>
    Write,

    /// <summary>Write a checkpoint and end the run there.</summary>
    WriteAndStop,
}
