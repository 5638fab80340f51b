using System.Runtime.CompilerServices;

namespace ContinualService.Engine.Kernels;

/// <summary>Numbers in memory that are computed with in float32: float, or the bits of bfloat16 as ushort.</summary>
internal static unsafe class TokenNumbers
{
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
