using ContinualService.Engine.Inference;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Models;

/// <summary>The pass of a few tokens against the general one, which the goldens hold.</summary>
public sealed class ShortPassTests : IDisposable
{
    private const int Vocabulary = 40;
    private readonly CpuKernels _kernels = new(2);

    public void Dispose() => _kernels.Dispose();

    [Theory]
    [InlineData("llama", """, "attention_bias": true, "mlp_bias": true """)]
    [InlineData("llama", """, "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 2, "beta_slow": 0.3} """)]
    [InlineData("mistral", """, "sliding_window": 5 """)]
    [InlineData("qwen2", """, "use_sliding_window": true, "sliding_window": 4, "max_window_layers": 1 """)]
    [InlineData("qwen3", "")]
    public void Run_PiecesOfSequencesWithAdapters_GivesWhatTheGeneralPassGives(string family, string more)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var decoder = TinyModels.Create(family, more);
        using var pass = decoder.ShortPass(_kernels)!;
        using var first = TinyModels.CreateLora(decoder, new LoraConfig(4, 8, [LoraConfig.AllLinear]), seed: 1);
        using var second = TinyModels.CreateLora(decoder, new LoraConfig(2, 8, ["q_proj", "down_proj"]), seed: 2);
        using var table = new LoraTable(decoder, 3, _kernels);
        LoraSlot?[] slots = [table.Acquire("a", first), null, table.Acquire("b", second), table.Acquire("a", first)];
        using var general = new Sequences(decoder, slots.Length);
        using var mine = new Sequences(decoder, slots.Length);

        // Prompts of several tokens, then single ones, and both at once.
        foreach (var counts in (int[][])[[9, 1, 6, 0], [1, 1, 1, 12], [1, 3, 1, 1], [1, 1, 1, 1]])
        {
            var spans = counts.Select((count, index) => (Slot: slots[index], Count: count)).Where(span => span.Count > 0).ToList();
            var expected = decoder.HiddenPacked(general.Next(counts), table.Select(spans));
            var actual = pass.Run(mine.Next(counts), table, table.SlotsOf(spans));

            Assert.Equal(expected.shape, actual.shape);
            Assert.InRange(actual.sub(expected).abs().max().item<float>(), 0, 2e-5f * expected.abs().max().item<float>());
        }
    }

    [Fact]
    public void Run_TokenAmongOthers_HasTheSameBitsAsAlone()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var decoder = TinyModels.Create();
        using var pass = decoder.ShortPass(_kernels)!;
        using var table = new LoraTable(decoder, 2, _kernels);
        var loras = Enumerable.Range(1, 2).Select(seed => TinyModels.CreateLora(decoder, new LoraConfig(4, 8, [LoraConfig.AllLinear]), seed)).ToList();
        var slots = Enumerable.Range(0, ShortPass.MaxTokens / 2).Select(index => table.Acquire($"{index % 2}", loras[index % 2])).ToArray();
        using var together = new Sequences(decoder, slots.Length);
        var last = empty(0);
        for (var step = 0; step < 3; step++)
            last = pass.Run(together.Next([.. slots.Select(_ => 2)]), table, table.SlotsOf([.. slots.Select(slot => (slot, 2))]));

        for (var index = 0; index < slots.Length; index++)
        {
            using var alone = new Sequences(decoder, slots.Length);
            var counts = slots.Select((_, other) => other == index ? 1 : 0).ToArray();
            var own = empty(0);
            for (var step = 0; step < 6; step++) own = pass.Run(alone.Next(counts), table, table.SlotsOf([(slots[index], 1)]));
            Assert.Equal(own[0].data<float>().ToArray(), last[(2 * index) + 1].data<float>().ToArray());
        }

        foreach (var lora in loras) lora.Dispose();
    }

    [Fact]
    public void Run_MoreTokensThanItTakes_Refuses()
    {
        using var decoder = TinyModels.Create();
        using var pass = decoder.ShortPass(_kernels)!;
        using var table = new LoraTable(decoder, 1, _kernels);
        using var sequences = new Sequences(decoder, 1);
        var batch = sequences.Next([ShortPass.MaxTokens + 1]);
        Assert.Throws<ArgumentException>(() => pass.Run(batch, table, null));
    }

    /// <summary>Sequences that go on, the same tokens each time they are made.</summary>
    private sealed class Sequences(Decoder decoder, int count) : IDisposable
    {
        private readonly SequenceCache[] _caches = [.. Enumerable.Range(0, count).Select(_ => new SequenceCache(decoder))];

        public PackedBatch Next(int[] counts)
        {
            var batch = new PackedBatch();
            for (var index = 0; index < counts.Length; index++)
            {
                if (counts[index] == 0) continue;
                var cache = _caches[index];
                cache.Reserve(cache.Length + counts[index]);
                batch.Add(cache, [.. Enumerable.Range(cache.Length, counts[index]).Select(position => (position * 7 + index * 3) % Vocabulary)]);
            }

            return batch;
        }

        public void Dispose()
        {
            foreach (var cache in _caches) cache.Dispose();
        }
    }
}
