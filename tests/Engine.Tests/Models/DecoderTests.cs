using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Models;

public sealed class DecoderTests
{
    private static readonly LoraConfig EveryLinear = new(4, 8, [LoraConfig.AllLinear]);

    [Fact]
    public void Hidden_WithLoraAtZeroB_EqualsTheBaseBitForBit()
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create("qwen2");
        using var generator = new torch.Generator(1UL, torch.CPU);
        using var lora = LoraWeights.CreateFresh(decoder, EveryLinear, generator);
        var ids = ConformanceCases.Ids(TinyModels.Ids(12));

        Assert.Equal(0f, decoder.Hidden(ids).sub(decoder.Hidden(ids, lora)).abs().max().item<float>());
    }

    [Fact]
    public void Hidden_WithLora_EqualsTheMergedWeights()
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create("qwen3");
        using var lora = TinyModels.CreateLora(decoder, EveryLinear);
        var merged = decoder.Weights.ToDictionary(item => item.Key, item => item.Value.clone());
        foreach (var pair in lora.Pairs) merged[pair.Site.Path + ".weight"].add_(pair.B.mm(pair.A), pair.Scale);
        using var whole = new Decoder(decoder.Config, merged);
        var ids = ConformanceCases.Ids(TinyModels.Ids(12));

        var difference = whole.Hidden(ids).sub(decoder.Hidden(ids, lora)).abs().max().item<float>();

        Assert.InRange(difference, 0f, 1e-4f);
        Assert.True(decoder.Hidden(ids).sub(decoder.Hidden(ids, lora)).abs().max().item<float>() > 1e-2f);
    }

    [Fact]
    public void Hidden_WithPaddingOnTheRight_IsTheSameBeforeIt()
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create("mistral", """, "sliding_window": 6 """);
        var ids = TinyModels.Ids(9);

        var alone = decoder.Hidden(ConformanceCases.Ids(ids));
        var padded = decoder.Hidden(ConformanceCases.Ids([.. ids, 0, 0, 0])).narrow(1, 0, 9);

        Assert.InRange(alone.sub(padded).abs().max().item<float>(), 0f, 1e-5f);
    }

    [Fact]
    public void Backward_ThroughLora_ReachesEveryPairAndNoBaseWeight()
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create();
        using var lora = TinyModels.CreateLora(decoder, EveryLinear);
        foreach (var pair in lora.Pairs)
        {
            pair.A.requires_grad = true;
            pair.B.requires_grad = true;
        }

        decoder.Logits(decoder.Hidden(ConformanceCases.Ids(TinyModels.Ids(12)), lora, new LoraDropout(0.1, Key: 2))).square().sum().backward();

        Assert.All(lora.Pairs, pair => Assert.True(pair.A.grad!.abs().sum().item<float>() > 0 && pair.B.grad!.abs().sum().item<float>() > 0));
        Assert.All(decoder.Weights.Values, weight => Assert.Null(weight.grad));
    }

    [Fact]
    public void Backward_ThroughWeightsThatRequireGrad_ReachesAllOfThem()
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create("qwen3");
        foreach (var weight in decoder.Weights.Values) weight.requires_grad = true;

        decoder.Logits(decoder.Hidden(ConformanceCases.Ids(TinyModels.Ids(12)))).square().sum().backward();

        Assert.All(decoder.Weights, item => Assert.True(item.Value.grad!.abs().sum().item<float>() > 0, item.Key));
    }

    [Fact]
    public void Dropout_WithTheSameKey_DropsTheSame()
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create();
        using var lora = TinyModels.CreateLora(decoder, EveryLinear);
        var ids = ConformanceCases.Ids(TinyModels.Ids(12));
        torch.Tensor Run(long key) => decoder.Hidden(ids, lora, new LoraDropout(0.5, key));

        Assert.Equal(0f, Run(1).sub(Run(1)).abs().max().item<float>());
        Assert.True(Run(1).sub(Run(2)).abs().max().item<float>() > 1e-3f);
    }

    [Theory]
    [InlineData("llama", "")]
    [InlineData("mistral", """, "sliding_window": 5 """)]
    [InlineData("qwen3", "")]
    public void HiddenCached_InPieces_EqualsUncached(string family, string more)
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create(family, more);
        using var lora = TinyModels.CreateLora(decoder, EveryLinear);
        var ids = TinyModels.Ids(14);
        using var cache = new KeyValueCache(decoder, 1, 20);

        var pieces = new[] { ids[..6], ids[6..9], ids[9..10], ids[10..11], ids[11..] };
        var cached = torch.cat([.. pieces.Select(piece => decoder.HiddenCached(ConformanceCases.Ids(piece), cache, lora))], 1);

        Assert.InRange(decoder.Hidden(ConformanceCases.Ids(ids), lora).sub(cached).abs().max().item<float>(), 0f, 1e-4f);
    }

    [Theory]
    [InlineData("llama", "")]
    [InlineData("mistral", """, "sliding_window": 5 """)]
    public void HiddenCached_RowsOfDifferentLengths_EqualEachAlone(string family, string more)
    {
        using var scope = torch.NewDisposeScope();
        using var decoder = TinyModels.Create(family, more);
        var (first, second) = (TinyModels.Ids(12), TinyModels.Ids(12, seed: 8));
        using var cache = new KeyValueCache(decoder, 2, 20);
        decoder.HiddenCached(RightPadded.Batch([first[..9], second[..4]], torch.CPU), cache);
        cache.Truncate([9, 4]);

        var two = decoder.HiddenCached(RightPadded.Batch([first[9..11], second[4..6]], torch.CPU), cache); // [2, 2, D]
        var one = decoder.HiddenCached(RightPadded.Batch([first[11..12], second[6..7]], torch.CPU), cache); // [2, 1, D]

        var (alone, other) = (decoder.Hidden(ConformanceCases.Ids(first)), decoder.Hidden(ConformanceCases.Ids(second)));
        Assert.InRange(two[0].sub(alone[0].narrow(0, 9, 2)).abs().max().item<float>(), 0f, 1e-4f);
        Assert.InRange(two[1].sub(other[0].narrow(0, 4, 2)).abs().max().item<float>(), 0f, 1e-4f);
        Assert.InRange(one[1].sub(other[0].narrow(0, 6, 1)).abs().max().item<float>(), 0f, 1e-4f);
        Assert.Equal([12, 7], cache.Lengths);
    }

    [Fact]
    public async Task Hidden_FromManyThreads_GivesTheSame()
    {
        using var decoder = TinyModels.Create();
        float Sum(int length)
        {
            using var scope = torch.NewDisposeScope();
            return decoder.Hidden(ConformanceCases.Ids(TinyModels.Ids(length))).sum().item<float>();
        }

        var expected = Enumerable.Range(1, 40).Select(length => Sum(length)).ToArray();
        using var fresh = TinyModels.Create(decoder.Config);
        var found = await Task.WhenAll(Enumerable.Range(1, 40).Select(length => Task.Run(() =>
        {
            using var scope = torch.NewDisposeScope();
            return fresh.Hidden(ConformanceCases.Ids(TinyModels.Ids(length))).sum().item<float>();
        })));

        Assert.Equal(expected, found);
    }

    [Fact]
    public void Hidden_CalledAgainAndAgain_LeavesNoTensorBehind()
    {
        using var decoder = TinyModels.Create("qwen3");
        using var lora = TinyModels.CreateLora(decoder, EveryLinear);
        var prompts = new[] { TinyModels.Ids(7), TinyModels.Ids(3, seed: 4) };
        void Work()
        {
            using var ids = RightPadded.Batch([TinyModels.Ids(12)], torch.CPU);
            using var hidden = decoder.Hidden(ids, lora);
            using var logits = decoder.Logits(hidden);
            GreedyGenerator.Generate(decoder, lora, prompts, 5, [2]);
            SequenceScorer.LogProbabilities(decoder, lora, prompts);
        }

        for (var i = 0; i < 3; i++) Work();
        var before = LiveTensors();
        for (var i = 0; i < 5; i++) Work();

        Assert.Equal(before, LiveTensors());
    }

    private static long LiveTensors() => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
}
