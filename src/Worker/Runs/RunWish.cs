namespace ContinualService.Worker.Runs;

/// <summary>What a task's owner wants of its run.</summary>
internal enum RunWish
{
    GoOn,
    Pause,
    Cancel,
}
