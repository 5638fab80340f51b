using System.Globalization;

namespace ContinualService.Worker.Processes;

/// <summary>How often the kernel has killed a process because memory ran out: it tells such a death from any other kill.</summary>
internal static class MemoryKills
{
    private const string Counters = "/proc/vmstat";
    private const string Field = "oom_kill ";

    /// <summary>Of the whole machine since its start; null where the system does not count.</summary>
    public static long? Count() => File.Exists(Counters) ? Parse(File.ReadLines(Counters)) : null;

    internal static long? Parse(IEnumerable<string> counters)
    {
        var line = counters.FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
        return line is not null && long.TryParse(line.AsSpan(Field.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;
    }
}
