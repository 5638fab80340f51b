namespace ContinualService.Infrastructure.Health;

/// <summary>One thing that this process needs for its work.</summary>
/// <param name="Name">As the answer of /health/ready calls it.</param>
/// <param name="Advice">What to do when <paramref name="FindFaultAsync"/> throws or takes too long. Everybody may read it: no addresses, no names, no secrets.</param>
/// <param name="FindFaultAsync">What is wrong and what to do, as public as <paramref name="Advice"/>; null where all is well.</param>
public sealed record DependencyCheck(string Name, string Advice, Func<CancellationToken, Task<string?>> FindFaultAsync)
{
    /// <summary>False: without it the process still does so much that requests should go on coming; its fault is reported and changes nothing.</summary>
    public bool IsEssential { get; init; } = true;
}
