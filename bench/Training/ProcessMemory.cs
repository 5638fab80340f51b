using System.Globalization;
using System.Runtime.InteropServices;

namespace ContinualService.Bench.Training;

/// <summary>What Linux says of this process's memory.</summary>
internal static partial class ProcessMemory
{
    private const string Peak = "VmHWM:";
    private const string Resident = "VmRSS:";

    /// <summary>Gives what is free back to Linux and lets the count of the largest resident set begin anew; returns where it begins.</summary>
    public static long ResetPeak()
    {
        _ = Trim(0);
        File.WriteAllText("/proc/self/clear_refs", "5");
        return PeakBytes();
    }

    /// <summary>The largest resident set so far.</summary>
    public static long PeakBytes() => Parse(File.ReadLines("/proc/self/status"), Peak);

    /// <summary>The resident set now.</summary>
    public static long ResidentBytes() => Parse(File.ReadLines("/proc/self/status"), Resident);

    internal static long Parse(IEnumerable<string> status, string field = Peak)
    {
        var line = status.First(text => text.StartsWith(field, StringComparison.Ordinal));
        return 1024 * long.Parse(line[field.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nint kept);
}
