namespace ContinualService.Domain.Gates;

/// <summary>What becomes of a candidate that neither passes nor breaks a limit for certain.</summary>
public enum GateUndecided
{
    /// <summary>It is kept as a refused one is: nothing goes live that was not shown to keep the limits.</summary>
    Refuse,

    /// <summary>It is published.</summary>
    Accept,
}
