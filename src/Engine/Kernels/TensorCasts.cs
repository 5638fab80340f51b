using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

internal static class TensorCasts
{
    /// <summary>The values as <paramref name="type"/>: the tensor itself where it has that type, and no second name for it, which would be one more object in every layer of every step.</summary>
    public static Tensor As(this Tensor values, ScalarType type) => values.dtype == type ? values : values.to(type);

    /// <summary>What was written on the host as <paramref name="device"/> reads it: on a CPU itself, else copied from pinned memory, which waits for no earlier work of the device. An ordinary copy would hold up this thread until the device is idle.</summary>
    public static Tensor OnDevice(this Tensor written, Device device) => device.type == DeviceType.CPU ? written : written.pin_memory().to(device, non_blocking: true);
}
