using System.Diagnostics;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Telemetry;

namespace ContinualService.Worker.Runs;

/// <summary>A run as a span of the trace in which its task was sent, with a span of its own for each phase. Does nothing where nobody listens.</summary>
internal sealed class RunTrace : IDisposable
{
    private readonly Activity? _run;
    private Activity? _phase;

    public RunTrace(LearningTask task, string workerId)
    {
        ActivityContext.TryParse(task.TraceParent, null, isRemote: true, out var sent);
        _run = Tracing.Source.StartActivity("run", ActivityKind.Consumer, sent, new ActivityTagsCollection
        {
            ["continual.task.id"] = task.Id,
            ["continual.adapter.id"] = task.AdapterId,
            ["continual.attempt"] = task.Attempt,
            ["continual.worker.id"] = workerId,
        });
    }

    /// <summary>A phase begins, and the one before it ends.</summary>
    public void Enter(string phase)
    {
        _phase?.Dispose();
        _phase = _run is null ? null : Tracing.Source.StartActivity(phase, ActivityKind.Internal, _run.Context);
    }

    /// <summary>How the run ended; <paramref name="fault"/>: why, where it should not have.</summary>
    public void End(string outcome, string? fault = null)
    {
        _run?.SetTag("continual.outcome", outcome);
        if (fault is not null) _run?.SetStatus(ActivityStatusCode.Error, fault);
    }

    public void Dispose()
    {
        _phase?.Dispose();
        _run?.Dispose();
    }
}
