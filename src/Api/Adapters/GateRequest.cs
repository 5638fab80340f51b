using ContinualService.Api.Errors;
using ContinualService.Domain.Gates;
using ContinualService.Engine.Continual;

namespace ContinualService.Api.Adapters;

/// <summary>The gate of an adapter: what a version must keep to be published. At least one limit; docs/methods.md says how it is judged.</summary>
public sealed class GateRequest
{
    private const double Largest = 1e6;
    private const int MostRows = 1_000_000;

    /// <summary>No earlier task may lose more than this against its best earlier score; in the metric's unit, 0 or more.</summary>
    public double? LargestForgetting { get; init; }

    /// <summary>Nor may they lose more than this on average; 0 or more.</summary>
    public double? LargestMeanForgetting { get; init; }

    /// <summary>The new task must win this much over the version before on the same rows (the first task: over the base); below 0 it may lose so much.</summary>
    public double? LeastGain { get; init; }

    /// <summary>Of the intervals, 0.5 to 0.999; default 0.95.</summary>
    public double? Confidence { get; init; }

    /// <summary>With fewer held-out rows than this a limit is neither kept nor broken, 1 to 1,000,000; default 30.</summary>
    public int? LeastRows { get; init; }

    /// <summary>What becomes of a candidate where the rows do not decide: refuse (default) or accept.</summary>
    public GateUndecided? Inconclusive { get; init; }

    /// <summary>refuse (default): the candidate is kept as a version that does not answer. largestLambda: smaller merges of it are tried first, the largest that is accepted is published.</summary>
    public GateFallback? OnFail { get; init; }

    /// <summary>The policy, with the defaults of what was not sent; adds what is wrong.</summary>
    /// <param name="method">The adapter's.</param>
    /// <param name="errors">Receives every fault.</param>
    internal GatePolicy ToPolicy(string method, List<FieldError> errors)
    {
        if (LargestForgetting is null && LargestMeanForgetting is null && LeastGain is null)
            errors.Add(new(null, "gate", "The gate has no limit.", "Send largestForgetting, largestMeanForgetting or leastGain, or null for no gate."));
        Check("largestForgetting", LargestForgetting, 0, Largest);
        Check("largestMeanForgetting", LargestMeanForgetting, 0, Largest);
        Check("leastGain", LeastGain, -Largest, Largest);
        Check("confidence", Confidence, 0.5, 0.999);
        Check("leastRows", LeastRows, 1, MostRows);
        if (OnFail == GateFallback.LargestLambda && ContinualMethods.Names.Contains(method) && ContinualMethods.ByName(method, "{}") is not IAffineMerge)
        {
            var others = string.Join(" or ", ContinualMethods.All.Where(other => other is IAffineMerge).Select(other => other.Name));
            errors.Add(new(null, "gate.onFail", $"The method '{method}' does not merge by one lambda, so there is no smaller one to try.", $"Send \"refuse\" or leave onFail out; largestLambda is for the method {others}."));
        }

        return new GatePolicy
        {
            LargestForgetting = LargestForgetting,
            LargestMeanForgetting = LargestMeanForgetting,
            LeastGain = LeastGain,
            Confidence = Confidence ?? GatePolicy.DefaultConfidence,
            LeastRows = LeastRows ?? GatePolicy.DefaultLeastRows,
            Inconclusive = Inconclusive ?? GateUndecided.Refuse,
            OnFail = OnFail ?? GateFallback.Refuse,
        };

        void Check(string field, double? value, double least, double most)
        {
            if (value is { } sent && !(sent >= least && sent <= most)) errors.Add(new(null, $"gate.{field}", $"{sent} is out of range.", $"Send {least} to {most}, or leave it out."));
        }
    }
}
