using System.Runtime.Intrinsics;
using ContinualService.Engine.Kernels;
using Xunit;

namespace ContinualService.Engine.Tests.Kernels;

public sealed unsafe class LanesTests
{
    // To be rounded up, its bits would become those of 0 and of infinity.
    [Theory]
    [InlineData(0x7FFFFFFF)]
    [InlineData(0xFFFFFFFF)]
    [InlineData(0x7F800001)]
    public void Store_NoNumberAsBFloat16_StaysNone(uint bits)
    {
        var value = BitConverter.UInt32BitsToSingle(bits);
        var to = stackalloc ushort[16];
        Lanes512.Store(Vector512.Create(value), to);
        AssertNone(to, 16);
        Lanes256.Store(Vector256.Create(value), to);
        AssertNone(to, 8);
        OneLane.Store(value, to);
        AssertNone(to, 1);

        static void AssertNone(ushort* values, int count)
        {
            for (var i = 0; i < count; i++, values[i - 1] = 0) Assert.True(float.IsNaN(OneLane.Load(values + i)));
        }
    }
}
