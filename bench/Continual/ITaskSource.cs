namespace ContinualService.Bench.Continual;

/// <summary>Where tasks and orders come from.</summary>
public interface ITaskSource
{
    /// <summary>Tasks by the order's name.</summary>
    IReadOnlyDictionary<string, IReadOnlyList<string>> Orders { get; }

    IReadOnlyList<string> TaskNames { get; }

    /// <exception cref="UsageException">The task is not there, or its rows cannot be used.</exception>
    BenchTask Read(string name);
}
