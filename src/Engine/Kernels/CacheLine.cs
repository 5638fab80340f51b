using System.Runtime.InteropServices;

namespace ContinualService.Engine.Kernels;

/// <summary>What memory comes in. A load that crosses from one line to the next takes twice as long, so what is read often begins where one does.</summary>
internal static unsafe class CacheLine
{
    /// <summary>Float32 numbers of a line.</summary>
    public const int Floats = 16;

    /// <summary>Numbers of whole lines.</summary>
    public static long Rounded(long floats) => (floats + Floats - 1) / Floats * Floats;

    /// <summary>The first line that begins at an address or after it.</summary>
    public static float* After(float* address) => (float*)(((nint)address + (Floats * sizeof(float)) - 1) & -(Floats * sizeof(float)));

    /// <summary>So many numbers, not set, that are the caller's to give to <see cref="NativeMemory.AlignedFree"/>.</summary>
    public static float* Allocate(long floats) => (float*)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), Floats * sizeof(float));
}
