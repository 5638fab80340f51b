namespace ContinualService.TestKit.Cluster;

/// <summary>A trial: adapters that learn while everything breaks, against others that learn the same in peace.</summary>
/// <param name="Workers">Processes that run tasks.</param>
/// <param name="Adapters">Disturbed adapters.</param>
/// <param name="Streams">Different streams among them; each is also learned once undisturbed, as the measure.</param>
/// <param name="TasksPerAdapter">Length of each stream.</param>
/// <param name="Plan">What is broken.</param>
public sealed record StormSettings(int Workers, int Adapters, int Streams, int TasksPerAdapter, ChaosPlan Plan)
{
    public int CalmTasks => Streams * TasksPerAdapter;

    public int StormyTasks => Adapters * TasksPerAdapter;
}
