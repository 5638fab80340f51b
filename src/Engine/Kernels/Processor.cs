using System.Runtime.Intrinsics.X86;

namespace ContinualService.Engine.Kernels;

/// <summary>What a CPU says of itself that decides which products are quick on it.</summary>
internal static class Processor
{
    private const int Features = 7; // leaf of CPUID
    private const int AmxBFloat16 = 22; // bit of its EDX

    // "GenuineIntel" in three registers.
    private const int Genu = 0x756E6547;
    private const int IneI = 0x49656E69;
    private const int Ntel = 0x6C65746E;

    public static bool IsIntel { get; } = X86Base.IsSupported && X86Base.CpuId(0, 0) is (_, Genu, Ntel, IneI);

    /// <summary>Matrix units for bfloat16. A host can hide them from a guest.</summary>
    public static bool HasMatrixUnits { get; } = X86Base.IsSupported && X86Base.CpuId(0, 0).Eax >= Features && (X86Base.CpuId(Features, 0).Edx >> AmxBFloat16 & 1) == 1;
}
