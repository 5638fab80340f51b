using System.Globalization;
using ContinualService.Domain.Evaluation;

namespace ContinualService.Domain.Gates;

/// <summary>
/// Judges a candidate by a policy. A limit passes where the whole interval keeps it, refuses where the whole interval breaks it, and is undecided where it lies
/// within, or where there are fewer rows than the policy wants.
/// </summary>
public static class ForgettingGate
{
    private const int MostBrokenTasks = 10;

    /// <summary>Judges one candidate.</summary>
    /// <param name="policy">The limits.</param>
    /// <param name="lambda">With which the candidate was merged.</param>
    /// <param name="earlier">The earlier tasks in the order learned, each against the version of its best earlier score.</param>
    /// <param name="newTask">The new task against the version before.</param>
    public static GateVerdict Judge(GatePolicy policy, double lambda, IReadOnlyList<PairedRows> earlier, PairedRows newTask)
    {
        List<GateCriterion> criteria = [];
        var measured = earlier.Where(task => task.Count > 0).ToList();
        // A task's stream is its place: a further task changes no other's interval.
        var drawn = earlier.Select((task, index) => task.Count == 0 ? [] : PairedBootstrap.Draw(task.Lost(), task.Weights, index + 1)).ToList();
        if (policy.LargestForgetting is { } perTask)
            criteria.AddRange(earlier.Select((task, index) => Decide(policy, GateLimit.Forgetting, task.TaskId, task.Against, perTask, task.Count, Lost(task), drawn[index])));
        if (policy.LargestMeanForgetting is { } mean && earlier.Count > 0)
        {
            double[][] parts = [.. drawn.Where(means => means.Length > 0)];
            double[] joined = [.. parts.Length == 0 ? [] : Enumerable.Range(0, PairedBootstrap.Resamples).Select(resample => parts.Average(part => part[resample]))];
            criteria.Add(Decide(policy, GateLimit.MeanForgetting, null, null, mean, measured.Sum(task => task.Count), measured.Count == 0 ? null : measured.Average(Lost), joined));
        }

        if (policy.LeastGain is { } gain)
        {
            double[] won = [.. newTask.Now.Zip(newTask.Before, (now, before) => now - before)];
            var means = newTask.Count == 0 ? [] : PairedBootstrap.Draw(won, newTask.Weights, 0);
            criteria.Add(Decide(policy, GateLimit.Gain, newTask.TaskId, newTask.Against, gain, newTask.Count, newTask.Count == 0 ? null : PairedBootstrap.Mean(won, newTask.Weights), means));
        }

        var verdict = criteria.Exists(each => each.Verdict == GateOutcome.Refused) ? GateOutcome.Refused
            : criteria.Exists(each => each.Verdict == GateOutcome.Inconclusive) ? GateOutcome.Inconclusive : GateOutcome.Pass;
        List<GateBreakage> broken = [.. measured.Append(newTask).Select(task => task.Broken()).Where(task => task.Count > 0).OrderByDescending(task => task.Count).Take(MostBrokenTasks)];
        return new GateVerdict(verdict, policy.Accepts(verdict), lambda, criteria, broken, [], policy);
    }

    private static double? Lost(PairedRows task) => task.Count == 0 ? null : PairedBootstrap.Mean(task.Lost(), task.Weights);

    private static GateCriterion Decide(GatePolicy policy, GateLimit kind, string? taskId, int? against, double limit, int count, double? estimate, double[] means)
    {
        if (estimate is null) return new(kind, taskId, against, limit, null, null, null, 0, GateOutcome.Inconclusive, "There are no held-out rows.");
        var (low, high) = PairedBootstrap.Interval(means, policy.Confidence);
        var verdict = count < policy.LeastRows ? GateOutcome.Inconclusive
            : kind == GateLimit.Gain ? (low >= limit ? GateOutcome.Pass : high < limit ? GateOutcome.Refused : GateOutcome.Inconclusive)
            : high <= limit ? GateOutcome.Pass : low > limit ? GateOutcome.Refused : GateOutcome.Inconclusive;
        var reason = verdict == GateOutcome.Pass ? null
            : count < policy.LeastRows ? $"There are {count} held-out rows, and the policy decides nothing with fewer than {policy.LeastRows}."
            : string.Create(CultureInfo.InvariantCulture, $"The {(verdict == GateOutcome.Refused ? $"whole interval {low:0.####} to {high:0.####} breaks the limit {limit:0.####}" : $"limit {limit:0.####} lies within the interval {low:0.####} to {high:0.####}")}.");
        return new(kind, taskId, against, limit, estimate, low, high, count, verdict, reason);
    }
}
