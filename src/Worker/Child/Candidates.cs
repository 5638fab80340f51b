using ContinualService.Domain.Gates;
using ContinualService.Domain.Previews;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>
/// Scores what a run made and, where the adapter has a gate, has it judged. A run that is repeated judges the same: rows, weights and resamples are.
/// </summary>
internal sealed class Candidates(
    RunSpec spec, BaseModel model, IReadOnlyList<TaskRunner.PreparedEvaluation> evaluations, ScoringSize size, RunReporter reporter, CancellationToken stop)
{
    // Lambdas beyond the method's own are not in the total: how many there will be is not known.
    private readonly RowScorer _scorer = new(
        model, reporter, size, evaluations.Sum(each => each.Rows.Count * (each.TaskId == spec.TaskId ? (spec.ScoresBase ? 2 : 1) + (spec.PreviousState is null ? 0 : 1) : each.Reference is null ? 1 : 2)), stop);

    /// <summary>How many rows were scored, under one version or another.</summary>
    public int ScoredRows => _scorer.Done;

    /// <summary>See <see cref="RowScorer.Size"/>.</summary>
    public ScoringSize Size => _scorer.Size;

    /// <summary>See <see cref="RowScorer.Sizes"/>.</summary>
    public string? Sizes => _scorer.Sizes;

    /// <summary>The candidate to publish, or to keep; null where it was asked to stop. Its state is the caller's, unless it is the one given.</summary>
    /// <param name="state">What the run made.</param>
    /// <param name="lambda">With which it was merged.</param>
    /// <param name="previous">The state before; null for the first task.</param>
    public Candidate? Choose(AdapterState state, double lambda, AdapterState? previous)
    {
        // Step 1: what no merge changes.
        if (Known(state.Method, state.Config, previous) is not { } known) return null;

        // Step 2: the method's own merge.
        if (Measure(state, lambda, known) is not { } own) return null;
        if (own.Gate is not { Accepted: false, Policy.OnFail: GateFallback.LargestLambda } refused || state.Method is not IAffineMerge affine || previous is null) return own;

        // Step 3: smaller lambdas, the largest first.
        List<GateTrial> tried = [Trial(refused)];
        foreach (var smaller in GatePolicy.LambdasBelow(lambda))
        {
            var merged = affine.MergeAt(state, previous, MergeSchedule.Of(smaller), model.Config.LayerCount);
            var other = Measure(merged, smaller, known);
            if (other is not null) tried.Add(Trial(other.Gate!));
            if (other is { Gate: { Accepted: true } passed }) return other with { Gate = passed with { Tried = tried } };
            merged.Dispose();
            if (other is null) return null;
        }

        return own with { Gate = refused with { Tried = tried } };
    }

    private static GateTrial Trial(GateVerdict gate) => new(gate.Lambda, gate.Verdict, gate.Accepted, gate.Criteria);

    private List<ScoredRows>? Known(IContinualMethod method, LoraConfig config, AdapterState? previous)
    {
        using var before = previous?.ServingWeights();
        List<(TaskRunner.PreparedEvaluation, ScoredWeights, LoraWeights?)> work = [];
        // Earlier tasks have their base row already; the new one's is needed for forward transfer, and so is the last version's score on it.
        foreach (var each in evaluations.Where(each => each.TaskId == spec.TaskId))
        {
            if (spec.ScoresBase) work.Add((each, ScoredWeights.Base, null));
            if (before is not null) work.Add((each, ScoredWeights.Previous, before));
        }

        return _scorer.Score(work) is { } known && GateJudge.References(evaluations, model, method, config, _scorer) is { } references ? [.. known, .. references] : null;
    }

    private Candidate? Measure(AdapterState state, double lambda, List<ScoredRows> known)
    {
        using var weights = state.ServingWeights();
        if (_scorer.Score([.. evaluations.Select(each => (each, ScoredWeights.Candidate, (LoraWeights?)weights))]) is not { } now) return null;
        List<RunScore> scores = [.. known.Where(each => each.Run.Weights != ScoredWeights.Reference).Concat(now).Select(each => each.Run)];
        return new Candidate(state, lambda, scores, spec.Gate is { } gate ? new GateJudge(gate, spec.TaskId, evaluations).Judge(lambda, known, now) : null);
    }
}
