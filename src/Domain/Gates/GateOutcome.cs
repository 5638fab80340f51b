namespace ContinualService.Domain.Gates;

/// <summary>What a gate finds of a limit, or of all of them.</summary>
public enum GateOutcome
{
    /// <summary>The whole interval keeps the limit.</summary>
    Pass,

    /// <summary>The whole interval breaks the limit.</summary>
    Refused,

    /// <summary>The limit lies within the interval, or there are too few rows to tell.</summary>
    Inconclusive,
}
