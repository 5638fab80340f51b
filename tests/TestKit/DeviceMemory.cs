using System.Runtime.InteropServices;

namespace ContinualService.TestKit;

/// <summary>What the NVIDIA driver says of the memory of the first GPU; TorchSharp does not tell.</summary>
public static unsafe class DeviceMemory
{
    // The driver's own library: it is there wherever a GPU can be used, under this name.
    private const string Library = "libnvidia-ml.so.1";

    private static readonly nint Device = Open();

    [StructLayout(LayoutKind.Sequential)]
    private struct Memory
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }

    /// <summary>Bytes in use by all processes, those included that the library keeps for later; null without a driver.</summary>
    public static long? UsedBytes()
    {
        if (Device == 0) return null;
        var read = (delegate* unmanaged<nint, Memory*, int>)NativeLibrary.GetExport(NativeLibrary.Load(Library), "nvmlDeviceGetMemoryInfo");
        Memory memory;
        return read(Device, &memory) == 0 ? (long)memory.Used : null;
    }

    private static nint Open()
    {
        if (!NativeLibrary.TryLoad(Library, out var library)) return 0;
        var begin = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "nvmlInit_v2");
        var find = (delegate* unmanaged<uint, nint*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetHandleByIndex_v2");
        nint device;
        return begin() == 0 && find(0, &device) == 0 ? device : 0;
    }
}
