using ContinualService.Domain;
using ContinualService.Domain.Forecasts;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Inference;
using ContinualService.Worker.Processes;
using Microsoft.Extensions.Logging;

namespace ContinualService.Worker.Runs;

/// <summary>Follows a training process from its first line to its end, and ends it when it must not go on.</summary>
internal sealed class RunFollower(
    RunRecords records, RunProgress progress, LearningTask task, CheckpointKeeper checkpoints, RunMetrics metrics, RunTrace trace, TrainingSettings settings, TimeProvider time, ILogger logger)
{
    // At most five writes a second; a process that says nothing is still looked at as often.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    // Events are for people and stay few; the row itself moves with every write.
    private const double EventEveryPercent = 10;

    private const int SaidLines = 3;

    private readonly List<StepMetric> _steps = [];
    private readonly List<(string Type, object Data)> _events = [];
    private readonly List<PreviewPoint> _points = [];
    private ForecastResult? _forecast;
    private readonly List<ReplayedVersion> _replayed = [];
    private double _nextEventAt = EventEveryPercent;
    private bool _dirty;
    private bool _done;
    private bool _stopped;
    private int? _resumedFrom;
    private RunMessage.Step? _lastStep;
    private RunMessage.Failed? _failed;
    private MicroBatching? _way;
    private ScoringSize? _size;

    /// <summary>Returns after the process has ended and its last checkpoint is stored.</summary>
    /// <param name="process">Freshly started.</param>
    /// <param name="hostStopping">Ends the process at a checkpoint; the task is put back.</param>
    /// <param name="leaseLost">Ends the process at once.</param>
    public async Task<RunOutcome> FollowAsync(TrainingProcess process, CancellationToken hostStopping, CancellationToken leaseLost)
    {
        var (heard, looked) = (time.GetUtcNow(), time.GetUtcNow());
        var killsBefore = MemoryKills.Count();
        var line = process.ReadLineAsync();
        RunOutcome? ended = null;
        (RunOutcome Outcome, DateTimeOffset Until)? asked = null;
        while (ended is null)
        {
            await Task.WhenAny(line, Task.Delay(Tick, time, CancellationToken.None));
            var atEnd = false;
            var until = time.GetUtcNow() + Tick;
            while (line.IsCompleted && !atEnd && time.GetUtcNow() < until)
            {
                var text = await line;
                atEnd = text is null;
                if (text is null) continue;
                heard = time.GetUtcNow();
                Take(text, heard);
                line = process.ReadLineAsync();
            }

            if (atEnd) break;
            var now = time.GetUtcNow();
            var wish = RunWish.GoOn;
            if (leaseLost.IsCancellationRequested) ended = new RunOutcome.LeaseLost();
            else if (asked is { } stop && now > stop.Until) ended = stop.Outcome;
            else if (settings.KillAfterSilentSeconds > 0 && now - heard > TimeSpan.FromSeconds(settings.KillAfterSilentSeconds))
                ended = new RunOutcome.Died($"The training process said nothing for {settings.KillAfterSilentSeconds} seconds and was ended.");
            else if (_dirty || now - looked >= LookEvery)
            {
                looked = now;
                wish = await FlushAsync(CancellationToken.None);
            }

            if (wish == RunWish.Cancel) ended = new RunOutcome.Cancelled();
            if (ended is null && asked is null && (hostStopping.IsCancellationRequested || wish == RunWish.Pause))
            {
                RunOutcome outcome = hostStopping.IsCancellationRequested ? new RunOutcome.PutBack("The service is stopping.") : new RunOutcome.Paused();
                asked = (outcome, now + TimeSpan.FromSeconds(settings.StopSeconds));
                process.AskToStop();
            }
        }

        if (ended is not null) process.Kill();
        var exitCode = await process.WaitForExitAsync(CancellationToken.None);
        if (ended is RunOutcome.LeaseLost) return ended;
        await checkpoints.DrainAsync();
        if (ended is not null) return ended;
        var less = task.Kind == LearningTaskKind.Training ? OutOfMemoryEvent.AfterDeath(exitCode, killsBefore, MemoryKills.Count(), _way, progress.Step, progress.Phase == LearningTaskPhase.Evaluating ? _size : null) : null;
        if (less is not null) _events.Add((TaskEventTypes.OutOfMemory, less));
        if (await FlushAsync(CancellationToken.None) == RunWish.Cancel) return new RunOutcome.Cancelled();
        if (_failed is not null) return new RunOutcome.Failed(_failed.Code, _failed.Message, _failed.UserError);
        if (_done && exitCode == 0) return new RunOutcome.Finished();
        if (_stopped && exitCode == 0) return asked?.Outcome ?? new RunOutcome.PutBack("The training process stopped.");
        if (process.ErrorTail.Length > 0) logger.ChildDied(task.Id, process.ErrorTail);
        return new RunOutcome.Died(Describe(exitCode, process.ErrorTail) + less?.Told());
    }

    /// <summary>What is known of a death: the exit code, and what the process said last, without the frames of a stack trace.</summary>
    internal static string Describe(int exitCode, string errorTail)
    {
        var what = exitCode switch
        {
            134 => "it aborted (exit code 134)",
            OutOfMemoryEvent.KilledExitCode => "it was killed, as the system does when memory runs out (exit code 137)",
            139 => "a memory fault inside the native library (exit code 139)",
            _ => FormattableString.Invariant($"exit code {exitCode}"),
        };
        var lines = errorTail.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && !line.StartsWith("at ", StringComparison.Ordinal)).ToList();
        // The runtime's own words begin here; what a library printed before them is seldom the cause.
        var begin = lines.FindLastIndex(line => line.StartsWith("Unhandled exception", StringComparison.Ordinal));
        var lastWords = string.Join(' ', begin >= 0 ? lines.Skip(begin).Take(SaidLines) : lines.TakeLast(SaidLines));
        return $"The training process ended: {what}." + (lastWords.Length > 0 ? $" It said: {lastWords}" : "");
    }

    private async Task<RunWish> FlushAsync(CancellationToken cancellationToken)
    {
        if (_resumedFrom is { } from) await records.ResumedAsync(from, cancellationToken);
        _resumedFrom = null;
        if (_points.Count > 0) await records.PreviewedAsync(_points, cancellationToken);
        _points.Clear();
        if (_forecast is { } forecast) await records.ForecastedAsync(forecast, cancellationToken);
        _forecast = null;
        if (_replayed.Count > 0) await records.ReplayedAsync(_replayed, cancellationToken);
        _replayed.Clear();
        var wish = await records.ReportAsync(progress, _steps, _events, cancellationToken);
        _steps.Clear();
        _events.Clear();
        _dirty = false;
        return wish;
    }

    private void Take(string text, DateTimeOffset now)
    {
        switch (RunMessage.Parse(text))
        {
            case RunMessage.Phase phase:
                progress.Enter(phase.Name, now);
                trace.Enter(WireName.Of(phase.Name));
                _events.Add((TaskEventTypes.Phase, new { phase = WireName.Of(phase.Name) }));
                _dirty = true;
                break;
            case RunMessage.Step step:
                progress.Trained(step.Number, step.Total, now);
                Measure(step);
                Keep(step, now);
                Progressed();
                break;
            case RunMessage.Part part:
                progress.Begin(part.Index, part.Count);
                _lastStep = null;
                break;
            case RunMessage.Replayed replayed:
                _replayed.Add(replayed.Version);
                _dirty = true;
                break;
            case RunMessage.Merged merged:
                metrics.Merged(merged.Seconds);
                break;
            case RunMessage.Evaluation evaluation:
                progress.Evaluated(evaluation.Fraction, now);
                Progressed();
                break;
            case RunMessage.Previewed previewed:
                _points.Add(previewed.Point);
                _dirty = true;
                break;
            case RunMessage.Forecasted forecasted:
                _forecast = forecasted.Result;
                _dirty = true;
                break;
            case RunMessage.Checkpoint checkpoint:
                checkpoints.Offer(checkpoint);
                break;
            case RunMessage.Resumed resumed:
                _resumedFrom = resumed.Step;
                _dirty = true;
                break;
            case RunMessage.RowsAdded added:
                _events.Add((TaskEventTypes.RowsAdded, new { added.Rows }));
                _dirty = true;
                break;
            case RunMessage.RowsLeftOut less:
                _events.Add((TaskEventTypes.RowsLeftOut, new { less.Rows, less.Tasks, less.LeftOut }));
                _dirty = true;
                break;
            case RunMessage.Stopped:
                _stopped = true;
                break;
            case RunMessage.Failed failed:
                _failed = failed;
                break;
            case RunMessage.Done:
                _done = true;
                break;
            case RunMessage.Memory memory:
                (_way, _size) = (memory.Way, new ScoringSize(memory.ScoredTokens));
                if (memory.RanShort) _events.Add((TaskEventTypes.OutOfMemory, OutOfMemoryEvent.Of(memory.Way, nextAttempt: false)));
                else if (!memory.Whole) _events.Add((TaskEventTypes.MemoryPlan, new { memory.Way.Rows, memory.Way.Recomputes, memory.NeedBytes, memory.BudgetBytes, memory.ScoredTokens }));
                _dirty = true;
                break;
            case RunMessage.ScoringShort shortOfMemory:
                _size = new ScoringSize(shortOfMemory.Tokens);
                _events.Add((TaskEventTypes.OutOfMemory, OutOfMemoryEvent.Of(_size, progress.Step, nextAttempt: false)));
                _dirty = true;
                break;
            case RunMessage.Log log:
                logger.ChildSaid(task.Id, log.Text);
                break;
            default:
                logger.ChildSaid(task.Id, text);
                break;
        }
    }

    // The steps of a lineage that is learned once more are those of other tasks, and told there.
    private void Keep(RunMessage.Step step, DateTimeOffset now)
    {
        if (task.Kind != LearningTaskKind.Training) return;
        _steps.Add(new StepMetric
        {
            TaskId = task.Id,
            Attempt = task.Attempt,
            Step = step.Number,
            Loss = step.Loss,
            LearningRate = step.LearningRate,
            GradNorm = step.GradNorm,
            Tokens = step.Tokens,
            Seconds = step.Seconds,
            CreatedAt = now,
        });
    }

    // Seconds and tokens count from the task's first step: after a checkpoint the first step's share is not known.
    private void Measure(RunMessage.Step step)
    {
        if (_lastStep is { } last) metrics.Step(step.Seconds - last.Seconds, step.Tokens - last.Tokens);
        else if (step.Number == 1) metrics.Step(step.Seconds, step.Tokens);
        _lastStep = step;
    }

    private void Progressed()
    {
        _dirty = true;
        if (progress.Percent < _nextEventAt) return;
        while (_nextEventAt <= progress.Percent) _nextEventAt += EventEveryPercent;
        _events.Add((TaskEventTypes.Progress, new { progress.Percent, progress.Step, progress.TotalSteps, progress.SecondsRemaining, TrainLoss = _lastStep?.Loss }));
    }
}
