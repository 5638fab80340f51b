using System.Runtime.InteropServices;
using System.Text;

namespace ContinualService.NativeCompat;

/// <summary>What the C++ run-time library of this host offers.</summary>
public static class HostLibrary
{
    /// <summary>True when the host's libstdc++ defines <paramref name="version"/> (for instance <c>GLIBCXX_3.4.32</c>).</summary>
    /// <exception cref="DllNotFoundException">The host has no libstdc++.so.6 at all.</exception>
    public static bool Provides(string version)
    {
        NativeLibrary.Load("libstdc++.so.6");
        var path = File.ReadLines("/proc/self/maps")
            .Select(line => line[(line.LastIndexOf(' ') + 1)..])
            .First(file => file.Contains("libstdc++.so.6", StringComparison.Ordinal));
        return File.ReadAllBytes(path).AsSpan().IndexOf(Encoding.ASCII.GetBytes(version + "\0")) >= 0;
    }
}
