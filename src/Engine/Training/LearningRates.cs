using ContinualService.Domain.Tasks;

namespace ContinualService.Engine.Training;

/// <summary>The learning rate of every optimiser step.</summary>
public static class LearningRates
{
    /// <summary>Steps of the warm-up: the fraction of all steps, rounded up, so that a small fraction of a short run still warms up once.</summary>
    public static int WarmupSteps(TrainingOptions options, int totalSteps) => (int)Math.Ceiling(options.WarmupFraction * totalSteps);

    /// <summary>The rate of one step.</summary>
    /// <param name="options">Peak, warm-up fraction and schedule.</param>
    /// <param name="step">1-based.</param>
    /// <param name="totalSteps">Steps of the whole run.</param>
    public static double At(TrainingOptions options, int step, int totalSteps)
    {
        var warmup = WarmupSteps(options, totalSteps);

        // The first step of a warm-up already moves: rate / W, 2 rate / W, ..., rate.
        if (step <= warmup) return options.LearningRate * step / warmup;

        // Share of the way after the warm-up that lies behind, so that the last step still has a rate above 0.
        var progress = (step - 1 - warmup) / (double)Math.Max(1, totalSteps - warmup);
        return options.Schedule switch
        {
            LearningRateSchedule.Constant => options.LearningRate,
            LearningRateSchedule.Linear => options.LearningRate * (1 - progress),
            LearningRateSchedule.Cosine => options.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * progress)),
            _ => throw new ArgumentOutOfRangeException(nameof(options), options.Schedule, "Unknown schedule."),
        };
    }
}
