namespace ContinualService.Domain.Drift;

/// <summary>What may change from one version to the next before an alarm is raised. A null is not watched, or, with an adapter, the service's own limit.</summary>
public sealed record DriftLimits
{
    /// <summary>Largest fall of an earlier task's score, where higher is better and 1 is all right; 0 to 1.</summary>
    public double? ScoreDrop { get; init; }

    /// <summary>Largest rise of an earlier task's loss in nats, from 0.</summary>
    public double? LossRise { get; init; }

    /// <summary>Largest principal angle in degrees between the row spaces of a layer's A, 0 to 90.</summary>
    public double? Angle { get; init; }

    /// <summary>Largest mean divergence KL(before, now) in nats on the canaries, from 0.</summary>
    public double? CanaryKl { get; init; }

    /// <summary>Largest fall of the share of greedy answers that end by themselves, 0 to 1.</summary>
    public double? StopDrop { get; init; }

    /// <summary>These, and where one is null the other's.</summary>
    public DriftLimits Over(DriftLimits others) => new()
    {
        ScoreDrop = ScoreDrop ?? others.ScoreDrop,
        LossRise = LossRise ?? others.LossRise,
        Angle = Angle ?? others.Angle,
        CanaryKl = CanaryKl ?? others.CanaryKl,
        StopDrop = StopDrop ?? others.StopDrop,
    };
}
