using System.Runtime.InteropServices;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference.Batching;

/// <summary>One forward pass: the next token of every sequence that generates, and as much of the prompts as the step's budget leaves room for.</summary>
internal sealed class BatchStep
{
    // Positions that go through the head at once where a prompt is scored: bounds the memory to this many rows of logits.
    private const int ScoredRows = 64;

    private readonly List<Row> _rows = [];
    private readonly PackedBatch _batch = new();

    private sealed record Row(RunningSequence Sequence, int Start, int Count, bool Chooses);

    /// <summary>Chooses what the step computes. Prompts are read in the order of admission.</summary>
    public static BatchStep Plan(IReadOnlyList<RunningSequence> running, int budget)
    {
        var step = new BatchStep();
        foreach (var sequence in running)
            if (sequence.Pending == 1) step.Add(sequence, 1);
        foreach (var sequence in running)
        {
            if (sequence.Pending == 1) continue;
            // At least one token, so that a small budget delays a prompt but never stops it.
            var count = Math.Min(sequence.Pending, Math.Max(budget - step._batch.Count, step._batch.Count == 0 ? 1 : 0));
            if (count <= 0) break;
            step.Add(sequence, count);
        }

        return step;
    }

    public IEnumerable<RunningSequence> Sequences => _rows.Select(row => row.Sequence);

    public int Rows => _rows.Count;

    /// <summary>Tokens computed per sequence.</summary>
    public IEnumerable<(RunningSequence Sequence, int Tokens)> Work => _rows.Select(row => (row.Sequence, row.Count));

    public int Generated => _rows.Count(row => row.Chooses);

    public int PromptTokens => _rows.Sum(row => row.Count) - _rows.Count(row => row.Count == 1 && row.Sequence.NewTokens > 0);

    /// <summary>Computes the step. The caches have grown when it returns.</summary>
    /// <returns>The next token of each sequence whose tokens are all through.</returns>
    public List<(RunningSequence Sequence, ScoredToken Token)> Run(Decoder decoder, LoraTable table, CpuKernels? kernels, ShortPass? shortPass)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var spans = _rows.Select(row => (row.Sequence.Slot, row.Count)).ToList();
        var hidden = shortPass is not null && _batch.Count <= ShortPass.MaxTokens
            ? shortPass.Run(_batch, table, table.SlotsOf(spans))
            : decoder.HiddenPacked(_batch, table.Select(spans), kernels); // [N, D]
        foreach (var row in _rows)
            if (row.Sequence.PromptScores is not null) Score(decoder, hidden, row);

        var choosing = _rows.Where(row => row.Chooses).ToList();
        if (choosing.Count == 0) return [];
        var last = tensor(choosing.Select(row => (long)(row.Start + row.Count - 1)).ToArray(), int64, decoder.Device);
        var logits = decoder.Logits(hidden.index_select(0, last), kernels).cpu().contiguous(); // [M, V]
        var values = MemoryMarshal.Cast<byte, float>(logits.bytes);
        var vocabulary = decoder.Config.VocabularySize;
        var chosen = new List<(RunningSequence, ScoredToken)>(choosing.Count);
        for (var i = 0; i < choosing.Count; i++) chosen.Add((choosing[i].Sequence, choosing[i].Sequence.Sampler.Next(values.Slice(i * vocabulary, vocabulary))));
        return chosen;
    }

    private void Add(RunningSequence sequence, int count)
    {
        var from = sequence.Cache!.Length;
        var start = _batch.Add(sequence.Cache, sequence.Tokens.Slice(from, count));
        _rows.Add(new Row(sequence, start, count, from + count == sequence.Length));
    }

    /// <summary>Each token of the prompt under the logits of the one before it.</summary>
    private static void Score(Decoder decoder, Tensor hidden, Row row)
    {
        var (prompt, scores, vocabulary) = (row.Sequence.Request.Prompt, row.Sequence.PromptScores!, decoder.Config.VocabularySize);
        var count = Math.Min(row.Count, prompt.Length - scores.Count); // the prompt's last token predicts nothing of it
        for (var done = 0; done < count; done += ScoredRows)
        {
            using var scope = NewDisposeScope();
            var part = Math.Min(ScoredRows, count - done);
            var logits = decoder.Logits(hidden.narrow(0, row.Start + done, part)).cpu().contiguous(); // [part, V]
            var values = MemoryMarshal.Cast<byte, float>(logits.bytes);
            for (var i = 0; i < part; i++)
                scores.Add(Sampler.Score(values.Slice(i * vocabulary, vocabulary), prompt[scores.Count], row.Sequence.Request.Sampling.TopLogProbabilities));
        }
    }
}
