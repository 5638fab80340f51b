using System.Globalization;
using System.Runtime.InteropServices;

namespace ContinualService.Worker.Processes;

/// <summary>What a process that trains is started with.</summary>
public static class ProcessEnvironment
{
    private static readonly string[] AllocatorPaths =
    [
        "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4", "/usr/lib/libtcmalloc_minimal.so.4", "/usr/lib64/libtcmalloc_minimal.so.4",
    ];

    /// <summary>The program that runs a .NET assembly: this one's own runtime's, which may itself run under another name.</summary>
    public static string DotnetHost()
    {
        // The runtime's folder leads to the host either way.
        var host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        return File.Exists(host) ? host : "dotnet";
    }

    /// <param name="environment">Is changed.</param>
    /// <param name="threads">That it computes with.</param>
    public static void Set(IDictionary<string, string?> environment, int threads)
    {
        environment["OMP_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        // Waiting threads that spin make every step many times slower as soon as another process wants the same core.
        environment["OMP_WAIT_POLICY"] = "PASSIVE";
        // On machines with large caches the first generation grows so large that dead tensors' handles pile up.
        environment["DOTNET_GCgen0size"] = "0x1000000";
        // In bfloat16 the library compiles code for every shape that it meets, of which packed rows have a new one at each step, and keeps a thousand: enough for one step is kept.
        environment["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = environment["LRU_CACHE_CAPACITY"] = "128";
        environment["DOTNET_DbgEnableMiniDump"] = "0";
        if (AllocatorPaths.FirstOrDefault(File.Exists) is { } allocator) environment["LD_PRELOAD"] = allocator;
    }
}
