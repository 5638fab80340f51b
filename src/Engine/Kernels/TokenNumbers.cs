using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>Numbers in memory that are computed with in float32: float, or the bits of bfloat16 as ushort.</summary>
internal static unsafe class TokenNumbers
{
    /// <summary>What computes with numbers of this type; null: nothing does.</summary>
    public static TMath? Choose<TMath>(ScalarType type, TMath float32, TMath bfloat16)
        where TMath : class
    {
        if (type == ScalarType.Float32) return float32;
        return type == ScalarType.BFloat16 ? bfloat16 : null;
    }

    /// <summary>How many of so many numbers fill registers.</summary>
    public static int Whole<TVector, TLanes>(int count)
        where TVector : struct
        where TLanes : struct, ILanes<TVector> => count / TLanes.Count * TLanes.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector, TLanes, TNumber>(TNumber* from)
        where TVector : struct
        where TLanes : struct, ILanes<TVector>
        where TNumber : unmanaged => typeof(TNumber) == typeof(float) ? TLanes.Load((float*)from) : TLanes.Load((ushort*)from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TVector, TLanes, TNumber>(TVector values, TNumber* to)
        where TVector : struct
        where TLanes : struct, ILanes<TVector>
        where TNumber : unmanaged
    {
        if (typeof(TNumber) == typeof(float)) TLanes.Store(values, (float*)to);
        else TLanes.Store(values, (ushort*)to);
    }
}
