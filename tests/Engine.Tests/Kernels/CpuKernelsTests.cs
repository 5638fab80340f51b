using System.Runtime.Intrinsics;
using ContinualService.Engine.Kernels;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Tests.Kernels;

/// <summary>In registers of 512 bits; without AVX-512 the runtime makes them of narrower ones.</summary>
public sealed class CpuKernels512Tests() : CpuKernelsTests(wide: true);

public sealed class CpuKernels256Tests() : CpuKernelsTests(wide: false);

public abstract unsafe class CpuKernelsTests(bool wide) : IDisposable
{
    private const double Rounding = 1.0 / (1 << 24); // of one float32 operation, relative

    private readonly CpuKernels _kernels = new(2, wide ? new RowMath<Vector512<float>, Lanes512>() : new RowMath<Vector256<float>, Lanes256>());

    public void Dispose()
    {
        _kernels.Dispose();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(1, 3, 1)]
    [InlineData(1, 8, 4)]
    [InlineData(1, 13, 7)]
    [InlineData(2, 64, 4)]
    [InlineData(3, 31, 5)]
    [InlineData(5, 768, 1030)] // several parts
    [InlineData(7, 70, 27)]
    [InlineData(32, 40, 33)]
    [InlineData(33, 16, 8)]
    public void Linear_AnyShape_IsTheProduct(int rows, int width, int outputs)
    {
        using var scope = NewDisposeScope();
        var (x, weight, bias) = (Random(1, rows, width), Random(2, outputs, width), Random(3, outputs));

        Close(linear(Double(x), Double(weight)), _kernels.Linear(x, weight, null), linear(Double(x).abs(), Double(weight).abs()), width);
        Close(linear(Double(x), Double(weight), Double(bias)), _kernels.Linear(x, weight, bias), linear(Double(x).abs(), Double(weight).abs(), Double(bias).abs()), width + 1);
    }

    [Fact]
    public void Linear_RowAmongOthers_GivesTheSameBitsAsAlone()
    {
        using var scope = NewDisposeScope();
        var (x, weight, bias) = (Random(1, CpuKernels.MaxRows, 203), Random(2, 1000, 203), Random(3, 1000));
        for (var rows = 1; rows <= CpuKernels.MaxRows; rows++)
        {
            var together = _kernels.Linear(x.narrow(0, 0, rows), weight, bias);
            var alone = _kernels.Linear(x.narrow(0, rows - 1, 1).contiguous(), weight, bias);
            Assert.Equal(alone.data<float>().ToArray(), together[rows - 1].data<float>().ToArray());
        }
    }

    [Fact]
    public void Linear_OtherNumberOfThreads_GivesTheSameBits()
    {
        using var scope = NewDisposeScope();
        using var alone = new CpuKernels(1, _kernels.Math);
        var (x, weight) = (Random(1, 3, 500), Random(2, 1001, 500));
        Assert.Equal(alone.Linear(x, weight, null).data<float>().ToArray(), _kernels.Linear(x, weight, null).data<float>().ToArray());
    }

    [Fact]
    public void Linear_NotContiguousOrOfAnotherType_Refuses()
    {
        using var scope = NewDisposeScope();
        var weight = Random(2, 6, 4);
        Assert.Throws<ArgumentException>(() => _kernels.Linear(Random(1, 4, 3).t(), weight, null));
        Assert.Throws<ArgumentException>(() => _kernels.Linear(Double(Random(1, 3, 4)), weight, null));
    }

    [Fact]
    public void AddLowRank_SlotOfEachRow_AddsItsProductAndReadsNoOther()
    {
        using var scope = NewDisposeScope();
        const int width = 19, outputs = 21, rank = 4, start = 1;
        int[] slots = [2, -1, 0, 2];
        var (x, down, up, before) = (Random(1, 6, width), Random(2, 3 * rank, width), Random(3, 3 * rank, outputs), Random(4, 6, outputs));
        down.narrow(0, rank, rank).fill_(float.NaN); // slot 1, which nobody uses
        up.narrow(0, rank, rank).fill_(float.NaN);
        var after = before.clone();

        _kernels.AddLowRank(after, x, start, slots, down, up, rank);

        for (var row = 0; row < 6; row++)
        {
            var slot = row >= start && row - start < slots.Length ? slots[row - start] : -1;
            if (slot < 0)
            {
                Assert.Equal(before[row].data<float>().ToArray(), after[row].data<float>().ToArray());
                continue;
            }

            var (a, b, input) = (Double(down.narrow(0, slot * rank, rank)), Double(up.narrow(0, slot * rank, rank)), Double(x[row]));
            var expected = Double(before[row]) + b.t().mv(a.mv(input));
            var largest = Double(before[row]).abs() + b.abs().t().mv(a.abs().mv(input.abs()));
            Close(expected, after[row], largest, width + rank + 1);
        }
    }

    [Fact]
    public void AddLowRank_TablesOver2GiB_ReadsTheLastSlot()
    {
        using var scope = NewDisposeScope();
        const int width = 600, outputs = 8, rank = 4, tableSlots = 1 << 18;
        var (down, up) = (empty([(long)tableSlots * rank, width]), empty([(long)tableSlots * rank, outputs])); // pages that nothing touches take no memory
        down.narrow(0, ((long)tableSlots - 1) * rank, rank).fill_(0.5f);
        up.narrow(0, ((long)tableSlots - 1) * rank, rank).fill_(0.25f);
        var y = zeros([1, outputs]);

        _kernels.AddLowRank(y, ones([1, width]), 0, [tableSlots - 1], down, up, rank);

        Assert.All(y.data<float>().ToArray(), value => Assert.Equal(width * 0.5f * 0.25f * rank, value));
    }

    [Fact]
    public void Attend_RowsOfTheirOwnSequences_MixWhatTheyMaySeeAndStoreTheirToken()
    {
        using var scope = NewDisposeScope();
        const int heads = 4, groups = 2, width = 10, count = 5, capacity = 7;
        var (query, key, value) = (Random(1, heads, count, width), Random(2, groups, count, width), Random(3, groups, count, width));
        var mixed = full([heads, count, width], 7f);
        // (its row in the batch, the first position that it sees, its own)
        (int Index, int From, int Position)[] places = [(3, 2, 5), (1, 0, 0), (4, 0, 6)];
        var rows = places.Select(place => new CpuKernels.Row(place.Index, Seen(place.From, place.Position, 10 + place.Index), Seen(place.From, place.Position, 20 + place.Index), capacity, place.From, place.Position)).ToList();
        var before = rows.Select(row => (Keys: row.Keys.clone(), Values: row.Values.clone())).ToList();

        _kernels.Attend(mixed, query, key, value, rows);

        for (var i = 0; i < rows.Count; i++)
        {
            var (row, seen) = (rows[i], rows[i].Position + 1 - rows[i].From);
            before[i].Keys.select(1, row.Position).copy_(key.select(1, row.Index));
            before[i].Values.select(1, row.Position).copy_(value.select(1, row.Index));
            Same(before[i].Keys, row.Keys);
            Same(before[i].Values, row.Values);
            for (var head = 0; head < heads; head++)
            {
                var group = head / (heads / groups);
                var (keys, values) = (Double(row.Keys[group].narrow(0, row.From, seen)), Double(row.Values[group].narrow(0, row.From, seen)));
                var expected = values.t().mv(softmax(keys.mv(Double(query[head][row.Index])) / Math.Sqrt(width), 0));
                Assert.InRange((expected - Double(mixed[head][row.Index])).abs().max().item<double>(), 0, 1e-5);
            }
        }

        foreach (var other in new[] { 0, 2 }) Assert.All(mixed.select(1, other).contiguous().data<float>().ToArray(), element => Assert.Equal(7f, element));

        // What a row may not see, and the place of its own token, is not a number.
        static Tensor Seen(int from, int position, int seed)
        {
            var cache = full([groups, capacity, width], float.NaN);
            if (position > from) cache.narrow(1, from, position - from).copy_(Random(seed, groups, position - from, width));
            return cache;
        }

        static void Same(Tensor expected, Tensor actual) => Assert.Equal(expected.bytes.ToArray(), actual.bytes.ToArray());
    }

    private static Tensor Random(long seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return randn(shape, float32, CPU, generator: generator);
    }

    private static Tensor Double(Tensor tensor) => tensor.to(float64);

    /// <summary>The bound of a sum of <paramref name="terms"/> products in float32, in any order: each product and each addition rounds once.</summary>
    private static void Close(Tensor expected, Tensor actual, Tensor sumOfSizes, int terms)
    {
        var allowed = sumOfSizes * ((terms + 1) * Rounding);
        Assert.Equal(expected.shape, actual.shape);
        Assert.True((expected - Double(actual)).abs().le(allowed).all().item<bool>(), "Further from the exact sum than float32 allows.");
    }
}
