using System.Globalization;

namespace ContinualService.Bench.Lists;

/// <summary>What the command line says about the benchmark of the list routes.</summary>
public sealed record ListsSettings
{
    public const string Help = """
        lists                              list routes of the service over a large PostgreSQL database of its own, both started here
            --tasks 100000 --versions 10000 --tenants 20 --adapters 500
            --clients 50                   concurrent clients, each with one connection kept open
            --rate 200                     paced load: requests a second, all clients together
            --seconds 20                   of paced load, per route
            --saturation-seconds 5         of load without pauses, per route; 0: none
            --routes TEXT                  only routes whose name holds this
            --report FILE                  figures and query plans as Markdown (results/lists.md)
        """;

    public required int Tasks { get; init; }
    public required int Versions { get; init; }
    public required int Tenants { get; init; }
    public required int Adapters { get; init; }
    public required int Clients { get; init; }
    public required double Rate { get; init; }
    public required double Seconds { get; init; }
    public required double SaturationSeconds { get; init; }
    public string? Routes { get; init; }
    public required string ReportFile { get; init; }

    /// <exception cref="UsageException">An option is unknown or out of range.</exception>
    public static ListsSettings Parse(Arguments arguments)
    {
        var settings = new ListsSettings
        {
            Tasks = arguments.Whole("tasks", 100_000),
            Versions = arguments.Whole("versions", 10_000),
            Tenants = arguments.Whole("tenants", 20),
            Adapters = arguments.Whole("adapters", 500),
            Clients = arguments.Whole("clients", 50),
            Rate = arguments.Real("rate", 200),
            Seconds = arguments.Real("seconds", 20),
            SaturationSeconds = arguments.Real("saturation-seconds", 5),
            Routes = arguments.Text("routes"),
            ReportFile = arguments.Text("report") ?? Path.Combine("results", "lists.md"),
        };
        arguments.RefuseOthers();
        if (settings.Tenants < 1) throw new UsageException("--tenants: at least 1.");
        if (settings.Adapters < settings.Tenants) throw new UsageException("--adapters: every tenant needs one, so at least as many as --tenants.");
        if (settings.Versions < settings.Adapters) throw new UsageException("--versions: at least as many as --adapters.");
        if (settings.Tasks < 2 * settings.Versions) throw new UsageException("--tasks: at least twice --versions; every version is a task's, and not every task makes one.");
        if (settings.Clients < 1 || !(settings.Rate > 0) || !(settings.Seconds > 0) || !(settings.SaturationSeconds >= 0))
            throw new UsageException("--clients, --rate and --seconds must be above 0, --saturation-seconds not below.");
        return settings;
    }

    /// <summary>The command that repeats this run.</summary>
    public string Command() => string.Create(
        CultureInfo.InvariantCulture,
        $"dotnet run -c Release --project bench -- lists --tasks {Tasks} --versions {Versions} --tenants {Tenants} --adapters {Adapters} --clients {Clients} --rate {Rate} --seconds {Seconds} --saturation-seconds {SaturationSeconds}")
        + (Routes is null ? "" : $" --routes '{Routes}'");
}
