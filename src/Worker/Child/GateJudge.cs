using ContinualService.Domain.Gates;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>
/// Judges merges by an adapter's gate, row by row: each earlier task against the version of its best earlier score, the new one against the version before. Those versions are
/// scored once, in the same process and the same batches as the merges.
/// </summary>
internal sealed class GateJudge(GateSpec gate, string newTask, IReadOnlyList<TaskRunner.PreparedEvaluation> evaluations)
{
    /// <summary>Scores each earlier task under the version of its best earlier score; null where it was asked to stop.</summary>
    /// <param name="evaluations">Those without a reference are left out.</param>
    /// <param name="model">The base.</param>
    /// <param name="method">The adapter's.</param>
    /// <param name="config">The adapter's shape.</param>
    /// <param name="scorer">The run's.</param>
    public static List<ScoredRows>? References(IReadOnlyList<TaskRunner.PreparedEvaluation> evaluations, BaseModel model, IContinualMethod method, LoraConfig config, RowScorer scorer)
    {
        List<ScoredRows> references = [];
        foreach (var each in evaluations)
        {
            if (each.Reference is not { } reference) continue;
            using var best = PeftAdapter.LoadWeights(RunFiles.Verify(reference.Weights), method.ServedConfig(config, reference.TaskIndex), model.Decoder);
            if (scorer.Score([(each, ScoredWeights.Reference, best)]) is not { } scored) return null;
            references.AddRange(scored);
        }

        return references;
    }

    /// <param name="lambda">With which it was merged; of a schedule the mean.</param>
    /// <param name="known">The references, and the new task under the version before or, for a first task, the base.</param>
    /// <param name="now">All tasks under the merge.</param>
    public GateVerdict Judge(double lambda, List<ScoredRows> known, List<ScoredRows> now)
    {
        var previous = known.Exists(each => each.Run.Weights == ScoredWeights.Previous) ? ScoredWeights.Previous : ScoredWeights.Base;
        var earlier = gate.Earlier.Select(taskId => Pair(taskId, ScoredWeights.Reference, Of(taskId)?.Reference?.Version));
        return ForgettingGate.Judge(gate.Policy, lambda, [.. earlier], Pair(newTask, previous, gate.Parent));

        PairedRows Pair(string taskId, ScoredWeights weights, int? against)
        {
            var before = known.Find(each => each.Run.TaskId == taskId && each.Run.Weights == weights)?.Rows;
            var after = now.Find(each => each.Run.TaskId == taskId)?.Rows;
            return before is null || after is null ? PairedRows.None(taskId)
                : new PairedRows(taskId, against, before.RowsForMatrix(), after.RowsForMatrix(), after.RowWeights, before.RowAnswers, after.RowAnswers, Of(taskId)!.Numbers);
        }

        TaskRunner.PreparedEvaluation? Of(string taskId) => evaluations.FirstOrDefault(each => each.TaskId == taskId);
    }
}
