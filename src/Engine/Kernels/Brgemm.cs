using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using TorchSharp;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// oneDNN's product of blocks that lie in a processor's caches (brgemm), in float32: libtorch carries it for kernels of its own. It writes code for each combination of sizes it meets, some 0.1 ms and 55 KiB for each on every thread,
/// and keeps it, so callers take few sizes.
/// </summary>
internal static unsafe class Brgemm
{
    // at::native::cpublas::brgemm(int64 m, n, k, strides of a, b, c, bool add, const float* a, const float* b, float* c, bool vnni). No public function of libtorch: where another version has none, IsThere says so.
    private const string Library = "torch_cpu";
    private const string Symbol = "_ZN2at6native7cpublas6brgemmEllllllbPKfS3_Pfb";

    private static readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, byte, float*, float*, float*, byte, void> Function =
        (delegate* unmanaged<nint, nint, nint, nint, nint, nint, byte, float*, float*, float*, byte, void>)Find();

    /// <summary>Whether this libtorch has it and this processor the registers that it is quick in.</summary>
    public static bool IsThere { get; } = Function is not null && Avx512F.IsSupported;

    /// <summary>c = a b, or c + a b: of a [m, k], b [k, n] and c [m, n]. Each row's sums go through its k in order, whatever rows are beside it.</summary>
    /// <param name="m">Rows of a.</param>
    /// <param name="n">Columns of b.</param>
    /// <param name="k">Summed over.</param>
    /// <param name="a">Of a.</param>
    /// <param name="aRow">Numbers from one row of a to the next.</param>
    /// <param name="b">Of b.</param>
    /// <param name="bRow">As <paramref name="aRow"/>.</param>
    /// <param name="c">Of c.</param>
    /// <param name="cRow">As <paramref name="aRow"/>.</param>
    /// <param name="add">To what c holds.</param>
    public static void Multiply(int m, int n, int k, float* a, int aRow, float* b, int bRow, float* c, int cRow, bool add) =>
        Function(m, n, k, aRow, bRow, cRow, add ? (byte)1 : (byte)0, a, b, c, 0);

    private static nint Find() =>
        NativeLibrary.TryLoad(Library, typeof(torch).Assembly, null, out var library) && NativeLibrary.TryGetExport(library, Symbol, out var function) ? function : 0;
}
