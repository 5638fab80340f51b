namespace ContinualService.Engine.Training;

/// <summary>One optimiser step, as reported while training.</summary>
/// <param name="Step">1-based.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <param name="Loss">Mean cross-entropy in nats over the trained tokens of the step, before the update.</param>
/// <param name="LearningRate">The rate of this step's update.</param>
/// <param name="GradNorm">Global L2 norm of the gradient before clipping.</param>
/// <param name="Tokens">Trained tokens (those with a label) since the start.</param>
/// <param name="Seconds">Seconds since the start.</param>
/// <param name="Penalty">What the method adds to the loss, before the update; null: nothing.</param>
public sealed record TrainingStep(int Step, int TotalSteps, double Loss, double LearningRate, double GradNorm, long Tokens, double Seconds, double? Penalty = null);
