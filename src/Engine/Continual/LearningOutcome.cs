namespace ContinualService.Engine.Continual;

/// <summary>How the learning of a task that can be stopped ended.</summary>
public abstract record LearningOutcome
{
    /// <summary>The next state is there.</summary>
    public sealed record Learned(LearnedTask Task) : LearningOutcome;

    /// <summary>It was asked to stop and its checkpoint is written.</summary>
    /// <param name="Step">Optimiser steps made; all of them where the stop came before the merge.</param>
    public sealed record Stopped(int Step) : LearningOutcome;
}
