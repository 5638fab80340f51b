namespace ContinualService.Infrastructure.Health;

/// <summary>The answer of /health/ready.</summary>
/// <param name="Status">ready, or unavailable where some dependency is that no request can do without.</param>
/// <param name="Dependencies">Each dependency by name.</param>
public sealed record ReadinessReport(string Status, IReadOnlyDictionary<string, DependencyState> Dependencies)
{
    public const string Ready = "ready";
    public const string Unavailable = "unavailable";
}
