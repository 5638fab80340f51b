using ContinualService.Domain.Previews;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Worker.Runs;
using TorchSharp;

namespace ContinualService.Worker.Child;

/// <summary>
/// Measures other merges of the last task, one after the other, without a training step: the same scoring of the same rows in the same batches as a run's, so that
/// the scores are those that training with this merge would have recorded.
/// </summary>
internal static class PreviewRunner
{
    /// <summary>True with every merge reported; false where it was asked to stop before that and did.</summary>
    public static bool Run(RunSpec spec, PreviewSpec preview, RunReporter reporter, CancellationToken stop)
    {
        // Step 1: load the base, both states and the rows.
        reporter.Send(new RunMessage.Phase(LearningTaskPhase.Preparing));
        torch.set_num_threads(spec.Threads);
        using var model = TaskRunner.LoadBase(spec, BaseHolding.Read(spec.Base).InFull());
        var config = new LoraConfig(spec.Rank, spec.Alpha, spec.TargetModules);
        var method = ContinualMethods.ByName(spec.Method, spec.MethodOptions) as IAffineMerge
            ?? throw new RunFailureException(TaskFailureCode.InvalidSettings, $"The method '{spec.Method}' has no merge that one lambda says.", userError: true);
        using var previous = AdapterState.Load(RunFiles.Verify(spec.PreviousState!), model.Decoder, spec.BaseDigest, config);
        using var finished = AdapterState.Load(RunFiles.Verify(preview.State), model.Decoder, spec.BaseDigest, config);
        var evaluations = TaskRunner.PrepareAll(spec, model, reporter);
        List<int[]> texts = [.. evaluations.Where(each => each.TaskId == preview.TaskId).SelectMany(each => each.Rows).Take(ServingProbe.MaxTexts).Select(row => row.Ids)];

        // Step 2: the published version must come out of its own merge, or what is measured here is of another merge.
        string own;
        using (var state = MergeAt(MergeSchedule.Parse(preview.Merge)!))
        using (var served = state.ServingWeights()) own = Write(state, served).StateSha256;
        if (own != preview.State.Sha256)
        {
            throw new RunFailureException(
                TaskFailureCode.InternalError, $"The state of the published version does not follow from its parent's with lambda {preview.Merge} (it would be {own}). Nothing was measured; give this message to the operator.", userError: false);
        }

        // Step 3: score; first what the adapter's gate, where it has one, compares every merge with.
        reporter.Send(new RunMessage.Phase(LearningTaskPhase.Evaluating));
        var rows = evaluations.Sum(each => each.Rows.Count);
        var judge = spec.Gate is { } gate && preview.Merges.Count > 0 ? new GateJudge(gate, preview.TaskId, evaluations) : null;
        var compared = judge is null ? 0 : evaluations.Where(each => each.TaskId == preview.TaskId || each.Reference is not null).Sum(each => each.Rows.Count);
        var scorer = new RowScorer(model, reporter, TaskRunner.SizeOf(spec, model, previous.TaskIndex, evaluations), compared + (preview.Measured + preview.Merges.Count) * rows, stop, preview.Measured * rows);
        if ((judge is null ? [] : Known()) is not { } known) return false;
        for (var index = 0; index < preview.Merges.Count; index++)
        {
            var merge = MergeSchedule.Parse(preview.Merges[index])!;
            using var state = MergeAt(merge);
            using var candidate = state.ServingWeights();
            var (sha256, stateSha256) = Write(state, candidate);
            ServingCheck.Run(model.Decoder, state.ServedConfig, candidate, Path.Combine(spec.OutputFolder, PeftAdapter.WeightsFile), texts);
            if (scorer.Score(evaluations.ConvertAll(each => (each, ScoredWeights.Candidate, (LoraWeights?)candidate))) is not { } scores) return false;
            List<PreviewScore> measured = [.. scores.Select(score => score.Run).Select(score => new PreviewScore(score.TaskId, score.Score, score.Count, score.Low, score.High, score.Metric))];
            reporter.Send(new RunMessage.Previewed(PreviewPoint.Of(
                merge, model.Config.LayerCount, sha256, stateSha256, measured, judge?.Judge(merge.Mean(model.Config.LayerCount), known, scores))));
        }

        return true;

        List<ScoredRows>? Known()
        {
            using var before = previous.ServingWeights();
            return scorer.Score([.. evaluations.Where(each => each.TaskId == preview.TaskId).Select(each => (each, ScoredWeights.Previous, (LoraWeights?)before))]) is { } last
                && GateJudge.References(evaluations, model, (IContinualMethod)method, config, scorer) is { } references ? [.. last, .. references] : null;
        }

        AdapterState MergeAt(MergeSchedule merge) => method.MergeAt(finished, previous, merge, model.Config.LayerCount);

        (string Sha256, string StateSha256) Write(AdapterState state, LoraWeights served)
        {
            var statePath = Path.Combine(spec.OutputFolder, RunResult.StateFile);
            state.Save(statePath, spec.BaseDigest);
            PeftAdapter.Save(spec.OutputFolder, state.ServedConfig, served, spec.ModelName);
            return (RunFiles.Sha256Of(Path.Combine(spec.OutputFolder, PeftAdapter.WeightsFile)), RunFiles.Sha256Of(statePath));
        }
    }
}
