namespace ContinualService.Worker.Runs;

/// <summary>What was scored.</summary>
internal enum ScoredWeights
{
    /// <summary>The base model alone.</summary>
    Base,

    /// <summary>The version the run started from.</summary>
    Previous,

    /// <summary>What the run made.</summary>
    Candidate,
}
