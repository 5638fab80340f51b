using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>The memory of tensors on a CPU.</summary>
internal static unsafe class TensorMemory
{
    /// <summary>Where a contiguous tensor begins.</summary>
    /// <exception cref="ArgumentException">It is not contiguous.</exception>
    public static void* Of(Tensor tensor)
    {
        if (!tensor.is_contiguous()) throw new ArgumentException($"Kernels take contiguous tensors; this is {tensor.dtype} [{string.Join(", ", tensor.shape)}] with strides [{string.Join(", ", tensor.stride())}].", nameof(tensor));
        if (tensor.numel() <= int.MaxValue / tensor.element_size()) return Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));
        using var first = tensor.view(-1).narrow(0, 0, 1); // a span ends at 2 GiB
        return Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }

    /// <summary>The numbers of a contiguous tensor of less than 2 GiB. To fill a new one through it makes no array.</summary>
    public static Span<T> Span<T>(Tensor tensor)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(tensor.bytes);

    /// <summary>To be called when their memory is no longer used: until then none of them is collected.</summary>
    public static void KeepAlive(params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (var tensor in tensors) GC.KeepAlive(tensor);
    }
}
