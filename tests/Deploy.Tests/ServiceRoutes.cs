namespace ContinualService.Deploy.Tests;

/// <summary>What the world outside of the service must know of it: routes, ports, times.</summary>
internal static class ServiceRoutes
{
    public const string Live = "/health/live";
    public const string Ready = "/health/ready";
    public const int ApiPort = 5080;
    public const int WorkerPort = 5081;

    /// <summary>What a stopping worker needs beside Training:StopSeconds, for storing its checkpoint and its rows.</summary>
    public const int AfterStopSeconds = 60;

    /// <summary>The port of the program that a container's arguments start.</summary>
    public static int? PortOf(IEnumerable<string> arguments) => string.Join(' ', arguments) switch
    {
        "ContinualService.Api.dll" => ApiPort,
        "ContinualService.Worker.dll" => WorkerPort,
        _ => null, // prepare: it ends and serves nothing.
    };
}
