using ContinualService.Engine.Continual;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

/// <summary>Counted by hand for a decoder of two layers: D 8, two query heads and one key head of 4, F 12, V 10, tied.</summary>
public sealed class MemoryEstimateTests
{
    // Of a layer: q 8x8, k and v 8x4, o 8x8, gate and up 12x8, down 8x12.
    private const int Matrices = 64 + 32 + 32 + 64 + 96 + 96 + 96;

    // What a lane's attention computes in for rows of 5 tokens, heads padded to 32: keys and values in two panels of 32 x 4, keys 5 x 32, sums of both (5 + 6) x 32; of 6 queries and of what arrives at them 6 x 4 and 6 x 32 each, weights and
    // their gradients 6 x 48, and sums 6 x 32; and eleven times what a register may be off.
    private const int Room = 2 * 128 + 160 + 2 * 352 + 2 * 24 + 2 * 192 + 2 * 288 + 192 + 11 * 16;

    private static readonly ModelConfig Model = new()
    {
        ModelType = "llama",
        VocabularySize = 10,
        HiddenSize = 8,
        IntermediateSize = 12,
        LayerCount = 2,
        HeadCount = 2,
        KeyValueHeadCount = 1,
        HeadWidth = 4,
        MaxPositions = 64,
        TieWordEmbeddings = true,
    };

    [Fact]
    public void Of_AllLinearsAfterTwoTasks_IsTheSumOfItsShapes()
    {
        var estimate = MemoryEstimate.Of(Model, new LoraConfig(2, 4, [LoraConfig.AllLinear]), new Slao(), learned: 2, rows: 3, longestRow: 5, scoredRow: 4, dropout: false);

        // A layer: q 8x8, k and v 8x4, o 8x8, gate and up 12x8, down 8x12, two norms of 8.
        Assert.Equal(4 * (10 * 8 + 8 + 2 * (64 + 32 + 32 + 64 + 96 + 96 + 96 + 16)), estimate.Weights);
        // |A| of both layers: 2 (8 + 8 + 8 + 8 + 8 + 8 + 12) each; |B|: 2 (8 + 4 + 4 + 8 + 12 + 12 + 8).
        const int A = 2 * 2 * 60, B = 2 * 2 * 56;
        Assert.Equal(4 * ((A + B) + 2 * (A + 2 * B) + 2 * (A + B)), estimate.Adapters);
        Assert.Equal(4 * 4 * (A + B), estimate.Optimiser);
        // Per token and layer: 2 x 8, attention 2 x 8 and 2 x 4, gate and up 2 x 12; of one layer's gradients 3 x 12 + 4 x 8; and 4 x 8.
        Assert.Equal(4 * (15 * ((16 + 24 + 24) * 2 + 68 + 32) + Room), estimate.Activations);
        Assert.Equal(4 * 15 * 10, estimate.Logits);
        Assert.Equal(4 * (256 * (48 + 48 + 48 + 2 * 4 * 2) + 2 * 256 * 10), estimate.Scoring);
        Assert.Equal(estimate.Weights + estimate.Adapters + estimate.Scoring + estimate.Process, estimate.Total);
    }

    // Keys and values for every query head, 2 x 4 each, and the result once more; of one layer's gradients 5 x 12, and 4 x 8 of its norms, which stay float32.
    [Fact]
    public void Of_AGpu_KeepsWhatLibtorchDoes()
    {
        MemoryEstimate Of(ScalarType type) => MemoryEstimate.Of(
            Model, new LoraConfig(2, 4, [LoraConfig.AllLinear]), new Slao(), learned: 2, rows: 3, longestRow: 5, scoredRow: 4, dropout: false, computesIn: type, device: "cuda");
        Assert.Equal(4 * 15 * ((16 + 48 + 24) * 2 + 92 + 32), Of(ScalarType.Float32).Activations);
        Assert.Equal(2 * 15 * ((16 + 48 + 24) * 2 + 60 + 2 * 32 + 32), Of(ScalarType.BFloat16).Activations);
        Assert.Equal(4 * 3 * 15 * 10, Of(ScalarType.BFloat16).Logits);
    }

    // It grows with the row and not with its square, and heads take their turns: 24 queries have their weights for all keys at once.
    [Theory]
    [InlineData(64, 64)]
    [InlineData(64, 1)]
    public void Of_LongRowsAndManyHeads_CountsWhatOneHeadComputesIn(int heads, int keyHeads)
    {
        var activations = MemoryEstimate.Of(
            Model with { HeadCount = heads, KeyValueHeadCount = keyHeads }, new LoraConfig(2, 4, ["gate_proj"]), new Slao(), learned: 0, rows: 1, longestRow: 2048, scoredRow: 0, dropout: false).Activations;
        var token = 68 + 32 + 2 * (16 + 2 * 4 * (heads + keyHeads) + 24);
        const int room = 2 * 2048 * 4 + 2048 * 32 + 2 * (2048 + 6) * 32 + 2 * 24 * 4 + 2 * 24 * 32 + 2 * 24 * (2048 + 16) + 24 * 32 + 11 * 16;

        Assert.Equal(4 * (2048 * token + room), activations);
    }

    [Fact]
    public void Of_GradientCheckpointing_KeepsTheInputsAndOneLayer()
    {
        MemoryEstimate Of(bool recomputes) => MemoryEstimate.Of(Model, new LoraConfig(2, 4, [LoraConfig.AllLinear]), new Slao(), learned: 2, rows: 3, longestRow: 5, scoredRow: 4, dropout: false, recomputes);

        // One layer as above and its gradients, the inputs of two, and 4 x 8.
        Assert.Equal(4 * (15 * ((16 + 24 + 24) + 68 + 2 * 8 + 32) + Room), Of(true).Activations);
        Assert.Equal(Of(false) with { Activations = 0 }, Of(true) with { Activations = 0 });
    }

    // Of 64 rows of 4 tokens as many as the size says, and at least one.
    [Theory]
    [InlineData(16_384, 256, 256)]
    [InlineData(128, 128, 128)]
    [InlineData(2, 4, 4)] // 2,048 values of logits are more than four positions have
    public void Of_SmallerScoring_TakesLess(int tokens, int counted, int positions)
    {
        MemoryEstimate Of(IContinualMethod method) => MemoryEstimate.Of(
            Model, new LoraConfig(2, 4, [LoraConfig.AllLinear]), method, learned: 2, rows: 3, longestRow: 8, scoredRow: 4, dropout: false, size: new ScoringSize(tokens));
        const int Token = 48 + 48 + 48 + 2 * 4 * 2;

        Assert.Equal(4 * (counted * Token + 2 * positions * 10), Of(new Slao()).Scoring);
        // The rows that it draws before it trains are as long as the training's, and drawn 64 at a time whatever the size.
        Assert.Equal(4 * (512 * Token + 2 * 512 * 10), Of(new Recall()).Scoring);
    }

    // 64 rows of 300 tokens in the cache, of which a pass has 1,024; two lanes hold as much together, and a pass each. A row of 3,000 goes by itself.
    [Theory]
    [InlineData("cpu", 1, 300, 16_384, 1_024)]
    [InlineData("cpu", 2, 300, 16_384, 2_048)]
    [InlineData("cuda", 2, 300, 16_384, 16_384)]
    [InlineData("cpu", 1, 3_000, 16_384, 3_000)]
    [InlineData("cpu", 1, 20_000, 20_000, 20_000)]
    [InlineData("cpu", 2, 100, 12_800, 2_048)]
    public void Of_LongRowsToScore_CountsTheirCacheAndThePassesAtWork(string device, int threads, int row, int cached, int passing)
    {
        var estimate = MemoryEstimate.Of(
            Model, new LoraConfig(2, 4, [LoraConfig.AllLinear]), new Slao(), learned: 2, rows: 1, longestRow: 5, scoredRow: row, dropout: false, device: device, threads: threads);

        Assert.Equal(4L * ((passing * (48 + 48 + 48)) + (cached * 2L * 4 * 2) + (2 * cached * 10L)), estimate.Scoring);
    }

    [Fact]
    public void Of_BFloat16_HalvesWhatTheBaseComputes()
    {
        MemoryEstimate Of(ScalarType type, bool recomputes) => MemoryEstimate.Of(
            Model, new LoraConfig(2, 4, [LoraConfig.AllLinear]), new Slao(), learned: 2, rows: 3, longestRow: 5, scoredRow: 4, dropout: false, recomputes, computesIn: type);
        var (wide, narrow) = (Of(ScalarType.Float32, false), Of(ScalarType.BFloat16, false));

        Assert.Equal(wide.Weights / 2, narrow.Weights);
        // Attention computes in float32, and so do products: all tokens' numbers, a panel of 16 x 64, and its results.
        const int products = 15 * 12 + (16 + 15) * 64, scoredProducts = 256 * 12 + (16 + 256) * 64;
        Assert.Equal((wide.Activations + 4 * Room) / 2 + 4 * products, narrow.Activations);
        Assert.Equal((Of(ScalarType.Float32, true).Activations + 4 * Room) / 2 + 4 * products, Of(ScalarType.BFloat16, true).Activations);
        Assert.Equal(2 * 256 * (48 + 48 + 48 + 2 * 4 * 2) + 4 * (2 * 256 * 10 + scoredProducts), narrow.Scoring);
        Assert.Equal((4 * 15 * 10, (4 + 2 + 2) * 15 * 10), (wide.Logits, narrow.Logits));
        Assert.Equal(wide with { Weights = 0, Activations = 0, Logits = 0, Scoring = 0 }, narrow with { Weights = 0, Activations = 0, Logits = 0, Scoring = 0 });
    }

    // Two lanes: one more gradient, and what attention computes in. They share the logits' memory. Where scoring has room, each has 64 rows.
    [Fact]
    public void Of_TwoThreads_IsThatOfTwoLanes()
    {
        MemoryEstimate Of(int threads, BaseFormat format) => MemoryEstimate.Of(
            Model, new LoraConfig(2, 4, [LoraConfig.AllLinear]), new Slao(), learned: 2, rows: 3, longestRow: 500, scoredRow: 4, dropout: false, holding: new BaseHolding(format, false), threads: threads);
        var (one, two) = (Of(1, BaseFormat.Full), Of(2, BaseFormat.Full));

        Assert.Equal(one with { Optimiser = one.Optimiser / 4 * 5, Activations = one.Activations + 4 * (2 * 512 * 4 + 500 * 32 + 2 * 506 * 32 + 2 * 24 * 4 + 2 * 24 * 32 + 2 * 24 * 528 + 24 * 32 + 11 * 16), Scoring = 2 * one.Scoring }, two);
        // A base whose blocks are made is trained by one lane, and scored whole by two.
        Assert.Equal(Of(1, BaseFormat.Int8) with { Scoring = two.Scoring }, Of(2, BaseFormat.Int8));
    }

    // What a lane's products of 750 tokens are computed in, and those of two passes of 256.
    [Fact]
    public void Of_TwoThreadsInBFloat16_HasProductsOfTwoLanes()
    {
        MemoryEstimate Of(int threads, ScalarType type) => MemoryEstimate.Of(
            Model, new LoraConfig(2, 4, [LoraConfig.AllLinear]), new Slao(), learned: 2, rows: 3, longestRow: 500, scoredRow: 4, dropout: false, computesIn: type, threads: threads);
        MemoryEstimate one = Of(1, ScalarType.BFloat16), two = Of(2, ScalarType.BFloat16);
        var attention = Of(2, ScalarType.Float32).Activations - Of(1, ScalarType.Float32).Activations;

        Assert.Equal(one.Activations - 4 * (1_500 * 12 + (16 + 1_500) * 64) + attention + 2 * 4 * (750 * 12 + (16 + 750) * 64), two.Activations);
        Assert.Equal(2 * one.Scoring, two.Scoring);
    }

    // Trained in bfloat16 and scored in float32: each part is that of its own.
    [Fact]
    public void Of_ABaseTrainedInBFloat16_IsScoredInItsOwn()
    {
        MemoryEstimate Of(ScalarType type, BaseFormat format, bool offload = false) => MemoryEstimate.Of(
            Model, new LoraConfig(2, 4, [LoraConfig.AllLinear]), new Slao(), learned: 2, rows: 3, longestRow: 5, scoredRow: 4, dropout: false, computesIn: type, holding: new BaseHolding(format, offload));
        var (wide, narrow) = (Of(ScalarType.Float32, BaseFormat.Full), Of(ScalarType.BFloat16, BaseFormat.Full));

        Assert.Equal(narrow with { Scoring = wide.Scoring, WholeBase = wide.Weights - narrow.Weights }, Of(ScalarType.Float32, BaseFormat.Bfloat16));
        Assert.Equal(narrow, Of(ScalarType.BFloat16, BaseFormat.Bfloat16));
        // In the mapped file, but for the block at work.
        Assert.Equal(Of(ScalarType.BFloat16, BaseFormat.Full, offload: true).Weights, Of(ScalarType.Float32, BaseFormat.Bfloat16, offload: true).Weights);
    }

    // One block is whole beside what is kept; norms and the embedding always are.
    [Theory]
    [InlineData(BaseFormat.Full, false, "cuda", 2 * Matrices * 4)] // nothing is made for a run
    [InlineData(BaseFormat.Int8, false, "cuda", 2 * (Matrices + 4 * (8 + 4 + 4 + 8 + 12 + 12 + 8)) + Matrices * 4)]
    [InlineData(BaseFormat.Int4, false, "cuda", 2 * 36 * (1 + 1 + 1 + 1 + 2 + 2 + 2) + Matrices * 4)]
    [InlineData(BaseFormat.Int4, true, "cuda", Matrices * 4)]
    [InlineData(BaseFormat.Int4, true, "cpu", 2 * 36 * (1 + 1 + 1 + 1 + 2 + 2 + 2) + Matrices * 4)] // its device is where it lies
    [InlineData(BaseFormat.Full, true, "cpu", Matrices * 4)] // pages of the file
    public void Of_AHeldBase_IsWhatIsKeptAndOneBlock(BaseFormat format, bool offload, string device, long matrices)
    {
        var estimate = MemoryEstimate.Of(
            Model, new LoraConfig(2, 4, [LoraConfig.AllLinear]), new Slao(), learned: 2, rows: 3, longestRow: 5, scoredRow: 4, dropout: false, holding: new BaseHolding(format, offload), device: device);
        Assert.Equal(4 * (10 * 8 + 8 + 2 * 16) + matrices, estimate.Weights);
        // Scored in full where it lies.
        Assert.Equal(Math.Max(0, 4 * (10 * 8 + 8 + 2 * 16) + (offload ? Matrices * 4 : 2 * Matrices * 4) - estimate.Weights), estimate.WholeBase);
        Assert.Equal(estimate.Weights + estimate.Adapters + Math.Max(estimate.Optimiser + estimate.Activations + estimate.Logits, estimate.WholeBase + estimate.Scoring) + estimate.Process, estimate.Total);
    }

    [Fact]
    public void Of_LongRows_IsLargestInTraining()
    {
        var estimate = MemoryEstimate.Of(Model, new LoraConfig(2, 4, ["q_proj", "v_proj"]), new Slao(), learned: 0, rows: 400, longestRow: 64, scoredRow: 0, dropout: true);

        // As above, and with dropout 4 x 12 more of the layer at work.
        const int room = 2 * 64 * 4 + 64 * 32 + 2 * (64 + 6) * 32 + 2 * 24 * 4 + 2 * 24 * 32 + 2 * 24 * (64 + 16) + 24 * 32 + 11 * 16;
        Assert.Equal(4 * (25_600L * ((16 + 24 + 24) * 2 + 68 + 48 + 32) + room), estimate.Activations);
        Assert.Equal(0, estimate.Scoring);
        Assert.Equal(estimate.Weights + estimate.Adapters + estimate.Optimiser + estimate.Activations + estimate.Logits + estimate.Process, estimate.Total);
    }

    [Fact]
    public void Of_MethodThatKeepsAllTasks_GrowsWithThem()
    {
        long Adapters(IContinualMethod method, int learned) => MemoryEstimate.Of(Model, new LoraConfig(2, 4, ["q_proj"]), method, learned, 1, 8, 8, false).Adapters;

        Assert.Equal(Adapters(new Slao(), 2), Adapters(new Slao(), 100));
        // T(|A| + |B|) before, and one more after; served whole both times: with the start 4 T + 3.
        Assert.Equal(4 * 2 * 32 * (4 * 5 + 3), Adapters(new IncLora(), 5));
    }
}
