using System.Globalization;
using ContinualService.TestKit.Cluster;

namespace ContinualService.Bench.Chaos;

/// <summary>The promise of many workers at length: hundreds of kills, and a report.</summary>
internal static class ChaosCommand
{
    public const string Help = """
        chaos     Api, workers, PostgreSQL and an S3 store as processes; adapters learn while all but the Api are killed, frozen and restarted
          --workers 3 --adapters 24 --streams 4 --tasks 20    the work; tasks: per adapter
          --faults 300          six of ten are kills of workers, two of training processes, one a freeze past the lease, one a restart of the database or an outage of the store
          --pause 2             seconds between two faults, on average
          --seed 1              of the order of the faults
          --minutes 240         gives up after
          --report FILE         Markdown
        """;

    /// <returns>0: all that must hold holds; 1: it does not.</returns>
    public static async Task<int> RunAsync(Arguments arguments)
    {
        var (faults, seed) = (arguments.Whole("faults", 300), arguments.Whole("seed", 1));
        var plan = new ChaosPlan(
            seed, WorkerKills: faults * 6 / 10, TrainingKills: faults * 2 / 10, Freezes: faults / 10, TimeSpan.FromSeconds(8), DatabaseRestarts: faults / 20,
            StorageOutages: faults / 20, OutageTime: TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(arguments.Real("pause", 2)));
        var settings = new StormSettings(arguments.Whole("workers", 3), arguments.Whole("adapters", 24), arguments.Whole("streams", 4), arguments.Whole("tasks", 20), plan);
        var (minutes, report) = (arguments.Whole("minutes", 240), arguments.Text("report"));
        arguments.RefuseOthers();
        if (settings.Streams > settings.Adapters) throw new UsageException("--streams must not exceed --adapters.");

        var result = await new StormTrial(settings, Console.WriteLine).RunAsync(TimeSpan.FromMinutes(minutes), CancellationToken.None);
        var text = Report(settings, result);
        Console.WriteLine(text);
        if (report is not null) await File.WriteAllTextAsync(report, text);
        return result.Wrong.Count == 0 ? 0 : 1;
    }

    private static string Report(StormSettings settings, StormResult result)
    {
        var lines = new List<string>
        {
            string.Create(CultureInfo.InvariantCulture, $"{settings.StormyTasks} tasks of {settings.Adapters} adapters, {settings.Workers} workers, seed {settings.Plan.Seed}, on {Environment.ProcessorCount} processors."),
            "",
            "| what | how often |",
            "|---|---|",
        };
        lines.AddRange(result.Faults.OrderBy(fault => fault.Key, StringComparer.Ordinal).Select(fault => $"| {fault.Key} | {fault.Value} |"));
        lines.AddRange(result.Runs.Select(run => $"| runs that ended as {run.Key} | {run.Value} |"));
        lines.Add($"| runs that went on from a checkpoint | {result.ResumedRuns} |");
        lines.Add("");
        lines.Add(string.Create(CultureInfo.InvariantCulture, $"{settings.CalmTasks} tasks in peace took {result.CalmTime.TotalSeconds:F0} s, {settings.StormyTasks} in the storm {result.StormTime.TotalSeconds:F0} s."));
        lines.Add(result.Wrong.Count == 0 ? "Everything that must hold holds." : "What does not hold:");
        lines.AddRange(result.Wrong.Select(wrong => $"* {wrong}"));
        return string.Join('\n', lines) + "\n";
    }
}
