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

    private readonly List<Row> _rows;
    private readonly PackedBatch _batch = new();

    private BatchStep(int most) => _rows = new List<Row>(most);

    /// <summary>What a sequence has in the step: <paramref name="Count"/> tokens, the first of them token <paramref name="Start"/> of the step, and whether its next token comes out.</summary>
    public readonly record struct Row(RunningSequence Sequence, int Start, int Count, bool Chooses);

    public IReadOnlyList<Row> Rows => _rows;

    public int Generated { get; private set; }

    public int PromptTokens { get; private set; }

    /// <summary>Chooses what the step computes. Prompts are read in the order of admission.</summary>
    public static BatchStep Plan(IReadOnlyList<RunningSequence> running, int budget)
    {
        var step = new BatchStep(running.Count);
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

    /// <summary>Computes the step. The caches have grown when it returns.</summary>
    /// <returns>The next token of each sequence whose tokens are all through.</returns>
    public (RunningSequence Sequence, ScoredToken Token)[] Run(Decoder decoder, LoraTable table, CpuKernels? kernels, ShortPass? shortPass)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var hidden = shortPass is not null && _batch.Count <= ShortPass.MaxTokens
            ? shortPass.Run(_batch, table, table.SlotsOf(Spans()))
            : decoder.HiddenPacked(_batch, table.Select(Spans()), kernels); // [N, D]
        foreach (var row in _rows)
            if (row.Sequence.PromptScores is not null) Score(decoder, hidden, row);

        if (Generated == 0) return [];
        var last = tensor(LastTokens(), int64, decoder.Device);
        var logits = decoder.Logits(hidden.index_select(0, last), kernels).cpu().contiguous(); // [M, V]
        var values = MemoryMarshal.Cast<byte, float>(logits.bytes);
        var vocabulary = decoder.Config.VocabularySize;
        var (chosen, count) = (new (RunningSequence, ScoredToken)[Generated], 0);
        foreach (var row in _rows)
        {
            if (!row.Chooses) continue;
            chosen[count] = (row.Sequence, row.Sequence.Sampler.Next(values.Slice(count * vocabulary, vocabulary)));
            count++;
        }

        return chosen;
    }

    private (LoraSlot?, int)[] Spans()
    {
        var spans = new (LoraSlot?, int)[_rows.Count];
        for (var index = 0; index < spans.Length; index++) spans[index] = (_rows[index].Sequence.Slot, _rows[index].Count);
        return spans;
    }

    /// <summary>Where the tokens are that the next ones come out of.</summary>
    private long[] LastTokens()
    {
        var (places, count) = (new long[Generated], 0);
        foreach (var row in _rows)
            if (row.Chooses) places[count++] = row.Start + row.Count - 1;
        return places;
    }

    private void Add(RunningSequence sequence, int count)
    {
        var from = sequence.Cache!.Length;
        var start = _batch.Add(sequence.Cache, sequence.Tokens.Slice(from, count));
        var row = new Row(sequence, start, count, from + count == sequence.Length);
        _rows.Add(row);
        if (row.Chooses) Generated++;
        // What a sequence generates goes through the model one by one; all else is of its prompt.
        PromptTokens += count == 1 && sequence.NewTokens > 0 ? 0 : count;
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
