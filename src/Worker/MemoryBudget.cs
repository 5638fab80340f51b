using System.Globalization;
using ContinualService.Engine.Kernels;

namespace ContinualService.Worker;

/// <summary>How much memory a training process may plan with.</summary>
public static class MemoryBudget
{
    // Of the machine's memory, which the service and the system need some of; what is free at the moment would plan the same task otherwise every time.
    private const double ShareOfMachine = 0.75;

    // Of what is free on a GPU: allocators leave gaps.
    private const double ShareOfDevice = 0.9;

    private const string MachineFile = "/proc/meminfo";

    // Of the second version and of the first: the limit of a container. "max" and a number beyond the machine's memory are none.
    private static readonly string[] LimitFiles = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

    /// <summary>Bytes; null where nothing tells.</summary>
    /// <param name="megabytes">The setting; 0: what there is.</param>
    /// <param name="device">cpu, cuda or cuda:N.</param>
    public static long? Bytes(int megabytes, string device)
    {
        if (megabytes > 0) return (long)megabytes << 20;
        if (device != "cpu") return Share(DeviceMemory.FreeBytes(device.Split(':') is [_, var index] ? uint.Parse(index, CultureInfo.InvariantCulture) : 0), ShareOfDevice);
        return Share(Smallest(Lines(MachineFile), LimitFiles.SelectMany(Lines)), ShareOfMachine);
    }

    /// <summary>The machine's memory or its group's limit, whichever is less.</summary>
    internal static long? Smallest(IEnumerable<string> machine, IEnumerable<string> limits)
    {
        var total = machine.Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).FirstOrDefault(words => words is ["MemTotal:", _, "kB"]);
        long? smallest = total is null ? null : long.Parse(total[1], CultureInfo.InvariantCulture) << 10;
        foreach (var line in limits)
            if (long.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && (smallest is null || limit < smallest)) smallest = limit;
        return smallest;
    }

    private static long? Share(long? bytes, double share) => bytes is { } all ? (long)(all * share) : null;

    private static string[] Lines(string path) => File.Exists(path) ? File.ReadAllLines(path) : [];
}
