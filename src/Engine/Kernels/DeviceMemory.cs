using System.Runtime.InteropServices;

namespace ContinualService.Engine.Kernels;

/// <summary>What the NVIDIA driver says of the memory of its GPUs; TorchSharp does not tell. By their numbers among all of the machine: a process that is shown only some (CUDA_VISIBLE_DEVICES) counts otherwise.</summary>
public static unsafe class DeviceMemory
{
    // The driver's own library: it is there wherever a GPU can be used, under this name.
    private const string Library = "libnvidia-ml.so.1";

    private static readonly nint Driver = Open();

    [StructLayout(LayoutKind.Sequential)]
    private struct Memory
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }

    /// <summary>Bytes in use on the first GPU by all processes, those included that the library keeps for later; null without a driver.</summary>
    public static long? UsedBytes() => Read(0) is { } memory ? (long)memory.Used : null;

    /// <summary>Bytes that nobody uses; null without a driver.</summary>
    public static long? FreeBytes(uint index) => Read(index) is { } memory ? (long)memory.Free : null;

    private static Memory? Read(uint index)
    {
        if (Driver == 0) return null;
        var find = (delegate* unmanaged<uint, nint*, int>)NativeLibrary.GetExport(Driver, "nvmlDeviceGetHandleByIndex_v2");
        var read = (delegate* unmanaged<nint, Memory*, int>)NativeLibrary.GetExport(Driver, "nvmlDeviceGetMemoryInfo");
        nint device;
        Memory memory;
        return find(index, &device) == 0 && read(device, &memory) == 0 ? memory : null;
    }

    private static nint Open()
    {
        if (!NativeLibrary.TryLoad(Library, out var library)) return 0;
        var begin = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "nvmlInit_v2");
        return begin() == 0 ? library : 0;
    }
}
