using ContinualService.Domain.Tasks;

namespace ContinualService.Api.Tasks;

/// <summary>What one optimiser step reported.</summary>
/// <param name="Attempt">The run it belongs to.</param>
/// <param name="Step">1, 2, ...</param>
/// <param name="Loss">Mean cross-entropy of the step's trained tokens, in nats.</param>
/// <param name="LearningRate">The rate of this step.</param>
/// <param name="GradNorm">Gradient norm before clipping.</param>
/// <param name="Tokens">Tokens trained, as the trainer counts them.</param>
/// <param name="Seconds">Since training began.</param>
/// <param name="CreatedAt">When it was recorded.</param>
public sealed record StepResponse(
    int Attempt, int Step, double Loss, double LearningRate, double GradNorm, long Tokens, double Seconds, DateTimeOffset CreatedAt)
{
    internal static StepResponse Of(StepMetric row) =>
        new(row.Attempt, row.Step, row.Loss, row.LearningRate, row.GradNorm, row.Tokens, row.Seconds, row.CreatedAt);
}
