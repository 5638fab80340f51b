using Xunit;

namespace ContinualService.Engine.Tests;

/// <summary>Tests that say how many threads an operation takes, which belongs in part to the process: nobody else runs beside them, and whoever needs one thread (<see cref="OneThread"/>) ran before.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ThreadsCollection
{
    public const string Name = "threads";
}
