using System.Globalization;

namespace ContinualService.Worker.Child;

/// <summary>The most memory that this process has held at once.</summary>
internal static class PeakMemory
{
    private const string Field = "VmHWM:";

    /// <summary>Bytes; null where the system does not say.</summary>
    public static long? Read() => File.Exists("/proc/self/status") ? Parse(File.ReadLines("/proc/self/status")) : null;

    internal static long? Parse(IEnumerable<string> status)
    {
        var line = status.FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
        var words = line?[Field.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return words is [var number, "kB"] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var kibibytes) ? kibibytes << 10 : null;
    }
}
