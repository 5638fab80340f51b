namespace ContinualService.Engine.Tests.Training;

/// <summary>Calls back at once and on the same thread.</summary>
internal sealed class SynchronousProgress<T>(Action<T> report) : IProgress<T>
{
    public void Report(T value) => report(value);
}
