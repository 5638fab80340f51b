using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// Memory in pages of 2 MiB where the system gives them. A step that generates reads every weight once, and with pages of 4 KiB half of its time goes into
/// looking up where they lie. Where the system has none to give, the pages are small and nothing else changes.
/// </summary>
internal static partial class LargePages
{
    private const long PageBytes = 2 << 20;
    private const int AdviceLarge = 14; // MADV_HUGEPAGE

    /// <summary>The weights laid end to end in one new piece of memory, on the CPU; <paramref name="weights"/> are disposed. They share a dtype.</summary>
    public static Dictionary<string, Tensor> Take(IReadOnlyDictionary<string, Tensor> weights)
    {
        using var noGrad = no_grad();
        var flat = Empty(weights.Values.Sum(weight => CacheLine.Rounded(weight.numel())), weights.Values.First().dtype);
        var taken = new Dictionary<string, Tensor>(weights.Count);
        var offset = 0L;
        foreach (var (name, weight) in weights)
        {
            taken[name] = flat.narrow(0, offset, weight.numel()).view(weight.shape).copy_(weight);
            offset += CacheLine.Rounded(weight.numel());
            weight.Dispose();
        }

        flat.Dispose(); // the views keep the memory
        return taken;
    }

    /// <summary>A vector on the CPU whose values are not set.</summary>
    private static unsafe Tensor Empty(long count, ScalarType dtype)
    {
        var memory = empty([count], dtype, CPU);
        using var first = memory.narrow(0, 0, 1); // a span ends at 2 GiB
        var address = (long)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
        var (begin, end) = ((address + PageBytes - 1) / PageBytes * PageBytes, (address + (count * dtype.ElementSize())) / PageBytes * PageBytes);
        // Advice that the system does not take is none: what it answers makes no difference.
        if (end > begin) _ = Advise((nint)begin, (nuint)(end - begin), AdviceLarge);
        return memory;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);
}
