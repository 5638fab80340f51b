namespace ContinualService.Domain.Gates;

/// <summary>What a gate may limit.</summary>
public enum GateLimit
{
    /// <summary>What one earlier task lost from its best earlier score.</summary>
    Forgetting,

    /// <summary>The mean of that over the earlier tasks.</summary>
    MeanForgetting,

    /// <summary>What the new task won over the version before.</summary>
    Gain,
}
