namespace ContinualService.Engine.Continual;

/// <summary>Where the learning of one task stands.</summary>
public enum LearningPhase
{
    /// <summary>Finding the starting point.</summary>
    Preparing,

    /// <summary>Tuning, step by step.</summary>
    Training,

    /// <summary>Merging the result into the adapter.</summary>
    Merging,
}
