namespace ContinualService.Worker.Runs;

/// <summary>What was scored.</summary>
internal enum ScoredWeights
{
    /// <summary>The base model alone.</summary>
    Base,

    /// <summary>The version the run started from.</summary>
    Previous,

    /// <summary>The version with an earlier task's best score; scored once more for a gate, which compares row by row.</summary>
    Reference,

    /// <summary>What the run made.</summary>
    Candidate,
}
