using System.Diagnostics;

namespace ContinualService.Infrastructure.Telemetry;

/// <summary>The source of this service's own spans; those of requests are the framework's.</summary>
public static class Tracing
{
    public const string SourceName = "ContinualService";

    public static ActivitySource Source { get; } = new(SourceName);
}
