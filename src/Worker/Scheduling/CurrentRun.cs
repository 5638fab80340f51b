namespace ContinualService.Worker.Scheduling;

/// <summary>What this worker runs at the moment.</summary>
internal sealed class CurrentRun
{
    private volatile string? _taskId;

    public string? TaskId
    {
        get => _taskId;
        set => _taskId = value;
    }
}
