using ContinualService.Domain.Drift;

namespace ContinualService.Api.Adapters;

/// <summary>What may change from one version to the next before an alarm is raised; null: as the service has it.</summary>
public sealed class DriftSettings
{
    /// <summary>Largest fall of an earlier task's score, 0 to 1; 1 is never gone over.</summary>
    public double? ScoreDrop { get; init; }

    /// <summary>Largest rise of an earlier task's loss in nats, 0 to 1000000.</summary>
    public double? LossRise { get; init; }

    /// <summary>Largest principal angle in degrees between the row spaces of a layer's A, 0 to 90; 90 is never gone over.</summary>
    public double? Angle { get; init; }

    /// <summary>Largest mean KL divergence in nats on the canaries, 0 to 1000000.</summary>
    public double? CanaryKl { get; init; }

    /// <summary>Largest fall of the share of greedy answers that end by themselves, 0 to 1; 1 is never gone over.</summary>
    public double? StopDrop { get; init; }

    /// <summary>1 to 32 prompts, as a user would send them, in place of the service's canaries; each at most 2000 characters.</summary>
    public IReadOnlyList<string>? CanaryPrompts { get; init; }

    internal static DriftSettings Of(DriftPolicy policy) => new()
    {
        ScoreDrop = policy.Limits.ScoreDrop,
        LossRise = policy.Limits.LossRise,
        Angle = policy.Limits.Angle,
        CanaryKl = policy.Limits.CanaryKl,
        StopDrop = policy.Limits.StopDrop,
        CanaryPrompts = policy.CanaryPrompts,
    };

    internal DriftPolicy ToPolicy() => new(new DriftLimits { ScoreDrop = ScoreDrop, LossRise = LossRise, Angle = Angle, CanaryKl = CanaryKl, StopDrop = StopDrop }, CanaryPrompts);
}
