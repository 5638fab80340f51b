using System.Diagnostics.Metrics;

namespace ContinualService.Infrastructure.Telemetry;

/// <summary>The meter of everything that this service measures of itself; HTTP is measured by the framework.</summary>
public static class ServiceMeter
{
    public const string Name = "ContinualService";

    public static Meter CreateServiceMeter(this IMeterFactory meters) => meters.Create(Name);
}
