using ContinualService.Domain.Tasks;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>The training process: <c>run-task SPEC.json</c>. Says on standard output what it does; leaves its files in the spec's folder.</summary>
internal static class RunTaskCommand
{
    /// <summary>
    /// Exit code 0 with the files written or, after the line <c>stop</c>, with the run's checkpoint; 1 after a failure that was reported. Anything
    /// unforeseen is not caught: the process ends without a word, and the service counts one attempt.
    /// </summary>
    public static int Run(string specPath, Stream input, Stream output)
    {
        // Not disposed: the watch may still call it while the process ends.
        var stop = new CancellationTokenSource();
        ParentWatch.Start(input, stop.Cancel);
        var reporter = new RunReporter(output);
        try
        {
            var spec = RunJson.Read<RunSpec>(specPath);
            var finished = spec switch
            {
                { Preview: { } preview } => PreviewRunner.Run(spec, preview, reporter, stop.Token),
                { Forecast: { } forecast } => ForecastRunner.Run(spec, forecast, reporter, stop.Token),
                { Replay: { } replay } => ReplayRunner.Run(spec, replay, reporter, stop.Token),
                _ => TaskRunner.Run(spec, reporter, stop.Token),
            };
            reporter.Send(finished ? new RunMessage.Done() : new RunMessage.Stopped());
            return 0;
        }
        catch (RunFailureException failure)
        {
            reporter.Send(new RunMessage.Failed(failure.Code, failure.Message, failure.UserError));
        }
        catch (TrainingDivergedException diverged)
        {
            reporter.Send(new RunMessage.Failed(TaskFailureCode.LossDiverged, diverged.Message, UserError: true));
        }
        catch (MemoryExhaustedException exhausted)
        {
            reporter.Send(new RunMessage.Failed(TaskFailureCode.OutOfMemory, exhausted.Message, UserError: true));
        }
        catch (ModelFormatException unreadable)
        {
            reporter.Send(new RunMessage.Failed(TaskFailureCode.ModelUnavailable, unreadable.Message, UserError: false));
        }

        return 1;
    }
}
