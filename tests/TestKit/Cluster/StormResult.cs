namespace ContinualService.TestKit.Cluster;

/// <summary>What a trial showed.</summary>
/// <param name="Wrong">Each thing that does not hold, in a line; empty: all holds.</param>
/// <param name="Faults">How often each kind of fault happened while tasks were unfinished.</param>
/// <param name="Runs">Runs of disturbed tasks by outcome.</param>
/// <param name="ResumedRuns">Runs that went on from a checkpoint.</param>
/// <param name="UnfinishedAtLastFault">Tasks that were still to do after the last fault.</param>
/// <param name="CalmTime">For the undisturbed tasks.</param>
/// <param name="StormTime">For the disturbed ones.</param>
public sealed record StormResult(
    IReadOnlyList<string> Wrong, IReadOnlyDictionary<string, int> Faults, IReadOnlyDictionary<string, long> Runs, long ResumedRuns, long UnfinishedAtLastFault, TimeSpan CalmTime, TimeSpan StormTime);
