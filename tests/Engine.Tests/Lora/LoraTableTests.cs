using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Lora;

public sealed class LoraTableTests
{
    private const int Site = 3;
    private static readonly LoraConfig Narrow = new(2, 4, [LoraConfig.AllLinear]);
    private static readonly LoraConfig Wide = new(6, 4, [LoraConfig.AllLinear]);

    [Fact]
    public void Select_ShortAndLongSpansOfSeveralAdapters_AddsToEachTokenItsOwnAlone()
    {
        using var decoder = TinyModels.Create();
        using var first = TinyModels.CreateLora(decoder, Narrow, seed: 1);
        using var second = TinyModels.CreateLora(decoder, Wide, seed: 2);
        using var table = new LoraTable(decoder, 3);
        var (a, b) = (table.Acquire("a", first), table.Acquire("b", second));
        (LoraSlot? Slot, LoraWeights? Lora, int Count)[] spans = [(b, second, 2), (null, null, 3), (a, first, 1), (a, first, 40), (b, second, 5), (null, null, 20), (a, first, 16), (null, null, 1)];
        var total = spans.Sum(span => span.Count);
        using var scope = NewDisposeScope();
        var x = randn(total, decoder.Linears[Site].InFeatures, generator: new Generator(4));
        var y = randn(total, decoder.Linears[Site].OutFeatures, generator: new Generator(5));

        var actual = table.Select([.. spans.Select(span => (span.Slot, span.Count))])!.AddTo(y.clone(), x, Site);

        var start = 0;
        foreach (var (_, lora, count) in spans)
        {
            var expected = y.narrow(0, start, count);
            if (lora?.At(Site) is { } pair) expected = expected.add(x.narrow(0, start, count).mm(pair.A.t()).mm(pair.B.t()).mul(pair.Scale));
            Assert.InRange(actual.narrow(0, start, count).sub(expected).abs().max().ToSingle(), 0, 1e-5f);
            start += count;
        }
    }

    [Fact]
    public void Select_SlotGivenToAnother_IsRefused()
    {
        using var decoder = TinyModels.Create();
        using var first = TinyModels.CreateLora(decoder, Narrow, seed: 1);
        using var second = TinyModels.CreateLora(decoder, Narrow, seed: 2);
        using var table = new LoraTable(decoder, 1);
        var stale = table.Acquire("a", first)!;
        table.Release(stale);
        var current = table.Acquire("b", second)!;

        var error = Assert.Throws<InvalidOperationException>(() => table.Select([(current, 1), (stale, 1)]));

        Assert.Contains("holds the adapter b, not a", error.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => table.Release(stale));
    }

    [Fact]
    public void Select_SlotLeftAndFilledAnewWithTheSameAdapter_RefusesTheOldHold()
    {
        using var decoder = TinyModels.Create();
        using var first = TinyModels.CreateLora(decoder, Narrow, seed: 1);
        using var second = TinyModels.CreateLora(decoder, Narrow, seed: 2);
        using var table = new LoraTable(decoder, 1);
        var stale = table.Acquire("a", first)!;
        table.Release(stale);
        table.Release(table.Acquire("b", second)!);
        table.Acquire("a", first);

        Assert.Throws<InvalidOperationException>(() => table.Select([(stale, 1)]));
    }

    [Fact]
    public void Acquire_EverySlotInUse_WaitsUntilOneIsReleased()
    {
        using var decoder = TinyModels.Create();
        var loras = Enumerable.Range(1, 4).Select(seed => TinyModels.CreateLora(decoder, Narrow, seed)).ToList();
        using var table = new LoraTable(decoder, 2);
        var (a, b) = (table.Acquire("a", loras[0])!, table.Acquire("b", loras[1])!);

        Assert.Null(table.Acquire("c", loras[2]));
        Assert.Equal(a, table.Acquire("a", loras[0])); // a second user of the same adapter needs no slot
        table.Release(a);
        Assert.Null(table.Acquire("c", loras[2]));
        table.Release(b);
        Assert.Equal(b.Index, table.Acquire("c", loras[2])!.Index);
        Assert.Equal((3, 2), (table.Loads, table.Filled));
        foreach (var lora in loras) lora.Dispose();
    }

    [Fact]
    public void Acquire_SlotsUnused_GivesUpTheOneUnusedForLongest()
    {
        using var decoder = TinyModels.Create();
        var loras = Enumerable.Range(1, 3).Select(seed => TinyModels.CreateLora(decoder, Narrow, seed)).ToList();
        using var table = new LoraTable(decoder, 2);
        foreach (var index in (int[])[0, 1, 0]) table.Release(table.Acquire($"{index}", loras[index])!);

        table.Release(table.Acquire("2", loras[2])!);
        table.Release(table.Acquire("0", loras[0])!);

        Assert.Equal(3, table.Loads); // 0 was still there: 1 had to go
        foreach (var lora in loras) lora.Dispose();
    }

    [Fact]
    public void Acquire_LargerRankThanBefore_KeepsWhatIsInUseAndForgetsTheRest()
    {
        using var decoder = TinyModels.Create();
        using var used = TinyModels.CreateLora(decoder, Narrow, seed: 1);
        var gone = TinyModels.CreateLora(decoder, Narrow, seed: 2);
        using var wide = TinyModels.CreateLora(decoder, Wide, seed: 3);
        using var table = new LoraTable(decoder, 3);
        var slot = table.Acquire("used", used)!;
        table.Release(table.Acquire("gone", gone)!);
        gone.Dispose(); // nobody holds it any more: growing must not read it

        var wider = table.Acquire("wide", wide)!;

        Assert.Equal((2, 6), (table.Filled, table.Rank));
        using var scope = NewDisposeScope();
        var x = randn(2, decoder.Linears[Site].InFeatures, generator: new Generator(4));
        var y = table.Select([(slot, 1), (wider, 1)])!.AddTo(zeros(2, decoder.Linears[Site].OutFeatures), x, Site);
        foreach (var (row, lora) in new[] { (0, used), (1, wide) })
        {
            var pair = lora.At(Site)!;
            var expected = x.narrow(0, row, 1).mm(pair.A.t()).mm(pair.B.t()).mul(pair.Scale);
            Assert.InRange(y.narrow(0, row, 1).sub(expected).abs().max().ToSingle(), 0, 1e-5f);
        }
    }

    [Fact]
    public void Acquire_ProductWithTheScaleOverflows_IsRefused()
    {
        using var decoder = TinyModels.Create();
        using var lora = TinyModels.CreateLora(decoder, new LoraConfig(2, 64, [LoraConfig.AllLinear]), seed: 1);
        using (no_grad()) lora.Pairs[0].B.fill_(3e38f);
        using var table = new LoraTable(decoder, 1);

        Assert.Throws<ModelFormatException>(() => table.Acquire("a", lora));
        Assert.Equal(0, table.Filled);
    }
}
