using ContinualService.Domain.Tasks;
using ContinualService.Engine.Training;

namespace ContinualService.Engine.Continual;

/// <summary>One report while a task is learned.</summary>
/// <param name="Phase">What is being done.</param>
/// <param name="Step">The step just made; null outside training and at its start.</param>
/// <param name="RanShort">Memory ran out: how the step is tried again, and all after it are cut; else null.</param>
/// <param name="ResumedAt">At the start of training that goes on from a checkpoint: the steps already made.</param>
/// <param name="AddedRows">At the start of training: rows that the method made itself, beside the task's own.</param>
public sealed record LearningProgress(LearningPhase Phase, TrainingStep? Step = null, int? ResumedAt = null, MicroBatching? RanShort = null, int AddedRows = 0);
