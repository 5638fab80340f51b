using ContinualService.Engine.Training;

namespace ContinualService.Engine.Continual;

/// <summary>One report while a task is learned.</summary>
/// <param name="Phase">What is being done.</param>
/// <param name="Step">The step just made; null outside training and at its start.</param>
public sealed record LearningProgress(LearningPhase Phase, TrainingStep? Step = null);
