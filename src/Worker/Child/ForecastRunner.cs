using ContinualService.Domain.Forecasts;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using ContinualService.Worker.Runs;
using TorchSharp;

namespace ContinualService.Worker.Child;

/// <summary>Measures tasks before they are learned: scores of the base and the head on their held-out rows, and how their gradients lie to what the adapter has written. No training step.</summary>
internal static class ForecastRunner
{
    // Of a task's training rows, evenly spaced: the gradient of its loss is taken on these.
    private const int GradientRows = 64;

    /// <summary>True with the result reported; false where it was asked to stop before that and did.</summary>
    public static bool Run(RunSpec spec, ForecastSpec forecast, RunReporter reporter, CancellationToken stop)
    {
        // Step 1: load the base, the head and the rows.
        reporter.Send(new RunMessage.Phase(LearningTaskPhase.Preparing));
        torch.set_num_threads(spec.Threads);
        using var model = TaskRunner.LoadBase(spec, BaseHolding.Read(spec.Base).InFull());
        var config = new LoraConfig(spec.Rank, spec.Alpha, spec.TargetModules);
        using var state = spec.PreviousState is { } file ? AdapterState.Load(RunFiles.Verify(file), model.Decoder, spec.BaseDigest, config) : null;
        using var head = state?.ServingWeights();
        var evaluations = forecast.Tasks.Where(task => task.Evaluation is not null).Select(task => TaskRunner.Prepare(model, task.Evaluation!)).ToList();

        // Step 2: score.
        reporter.Send(new RunMessage.Phase(LearningTaskPhase.Evaluating));
        List<(TaskRunner.PreparedEvaluation Evaluation, ScoredWeights Weights, LoraWeights? Lora)> work = [];
        foreach (var evaluation in evaluations)
        {
            work.Add((evaluation, ScoredWeights.Base, null));
            if (head is not null) work.Add((evaluation, ScoredWeights.Previous, head));
        }

        if (new RowScorer(model, reporter, TaskRunner.SizeOf(spec, model, state?.TaskIndex ?? 0, evaluations), work.Sum(each => each.Evaluation.Rows.Count), stop).Score(work) is not { } scores) return false;

        // Step 3: gradients.
        using var space = new SketchSpace(model.Decoder, config, head);
        List<GradientSketch> sketches = [];
        try
        {
            foreach (var task in forecast.Tasks)
            {
                var rows = TaskRunner.Encode(model, RunFiles.ReadRows(task.Train), task.MaxSequenceLength, "training row");
                var sketch = space.Measure(DriftProbe.Spread(rows, GradientRows), stop);
                sketches.Add(sketch);
                if (!double.IsFinite(sketch.Norm) || !double.IsFinite(sketch.Loss))
                    throw new RunFailureException(TaskFailureCode.LossDiverged, $"The loss of '{task.Name}' or its gradient is not finite under version {forecast.Version}. Roll back to a version that is sound.", userError: true);
            }

            var tasks = forecast.Tasks.Select((task, index) => new ForecastTask(
                task.TaskId, task.Name, ScoreOf(task, ScoredWeights.Base), ScoreOf(task, ScoredWeights.Previous), sketches[index].Rows, sketches[index].Loss, sketches[index].Conflict)).ToList();
            reporter.Send(new RunMessage.Forecasted(new ForecastResult(
                forecast.Version, tasks, [.. sketches.Select(one => sketches.ConvertAll(other => ReferenceEquals(one, other) ? 1 : one.Cosine(other)))], head is null ? [] : SpareRank.Of(head))));
            return true;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return false;
        }
        finally
        {
            foreach (var sketch in sketches) sketch.Dispose();
        }

        PreviewScore? ScoreOf(ForecastTaskSpec task, ScoredWeights weights) => scores.Find(each => each.Run.TaskId == task.TaskId && each.Run.Weights == weights) is { Run: var score }
            ? new PreviewScore(score.TaskId, score.Score, score.Count, score.Low, score.High, score.Metric) : null;
    }
}
