namespace ContinualService.Domain.Tasks;

/// <summary>What one optimiser update reported.</summary>
public sealed class StepMetric
{
    public required string TaskId { get; init; }

    public int Attempt { get; init; }

    /// <summary>1, 2, ... per attempt.</summary>
    public int Step { get; init; }

    /// <summary>Mean cross-entropy over the step's trained tokens, in nats.</summary>
    public double Loss { get; init; }

    public double LearningRate { get; init; }

    /// <summary>Norm of the gradient before clipping.</summary>
    public double GradNorm { get; init; }

    /// <summary>Trained tokens since the run began.</summary>
    public long Tokens { get; init; }

    /// <summary>Since the training phase began.</summary>
    public double Seconds { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}
