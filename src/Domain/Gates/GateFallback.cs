namespace ContinualService.Domain.Gates;

/// <summary>What a run does about a candidate that the gate does not accept.</summary>
public enum GateFallback
{
    /// <summary>Keeps it beside the lineage.</summary>
    Refuse,

    /// <summary>First merges with smaller lambdas, the largest first, and takes the first that is accepted; only for methods that merge by one lambda.</summary>
    LargestLambda,
}
