using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>Log-probabilities of given token sequences.</summary>
public static class SequenceScorer
{
    // Whole rows at once have more beside their keys and values than rows that are generated: half as many tokens.
    private const int TokensShare = 2;

    /// <summary>
    /// Per sequence a float[Length]: element t is ln p(ids[t] | ids[..t]). Element 0, and every element before <paramref name="firstScored"/> of its row,
    /// is NaN: not computed. Sequences are batched by length and only scored positions go through the head; null for <paramref name="size"/> takes the largest.
    /// </summary>
    /// <exception cref="ArgumentException">A sequence is empty or longer than the context.</exception>
    public static float[][] LogProbabilities(
        Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> sequences, IReadOnlyList<int>? firstScored = null, ScoringSize? size = null,
        CancellationToken cancellation = default)
    {
        size ??= ScoringSize.Largest;
        for (var i = 0; i < sequences.Count; i++)
        {
            if (sequences[i].Length == 0 || sequences[i].Length > decoder.Config.MaxPositions)
                throw new ArgumentException($"Sequence {i} has {sequences[i].Length} tokens; 1 to {decoder.Config.MaxPositions} are possible.", nameof(sequences));
        }

        var results = new float[sequences.Count][];
        foreach (var group in RightPadded.Groups([.. sequences.Select(ids => ids.Length)], ScoringSize.MaxRows, size.Tokens / TokensShare))
        {
            cancellation.ThrowIfCancellationRequested();
            ScoreGroup(decoder, lora, sequences, firstScored, group, results, size);
        }

        return results;
    }

    private static void ScoreGroup(
        Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> sequences, IReadOnlyList<int>? firstScored, int[] group, float[][] results, ScoringSize size)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var ids = RightPadded.Batch([.. group.Select(index => sequences[index])], decoder.Device); // [B, T]
        var length = ids.shape[1];
        var (sources, targets, places) = (new List<long>(), new List<long>(), new List<(int Sequence, int Token)>());
        for (var row = 0; row < group.Length; row++)
        {
            var sequence = sequences[group[row]];
            results[group[row]] = new float[sequence.Length];
            Array.Fill(results[group[row]], float.NaN);
            for (var t = Math.Max(1, firstScored?[group[row]] ?? 1); t < sequence.Length; t++)
            {
                sources.Add(row * length + t - 1); // the token before predicts this one
                targets.Add(sequence[t]);
                places.Add((group[row], t));
            }
        }

        if (places.Count == 0) return;
        var hidden = decoder.Hidden(ids, lora).view(group.Length * length, decoder.Config.HiddenSize); // [B*T, D]
        var scores = Score(decoder, hidden, sources, targets, size);
        for (var i = 0; i < places.Count; i++) results[places[i].Sequence][places[i].Token] = scores[i];
    }

    /// <summary>ln p of each target after the state of its source, a row of <paramref name="hidden"/> [N, D].</summary>
    internal static float[] Score(Decoder decoder, Tensor hidden, List<long> sources, List<long> targets, ScoringSize size)
    {
        var (scores, chunk) = (new float[targets.Count], size.Positions(decoder.Config.VocabularySize));
        for (var start = 0; start < scores.Length; start += chunk)
        {
            var count = Math.Min(chunk, scores.Length - start);
            Score(decoder, hidden, [.. sources.GetRange(start, count)], [.. targets.GetRange(start, count)]).CopyTo(scores, start);
        }

        return scores;
    }

    private static float[] Score(Decoder decoder, Tensor hidden, long[] sources, long[] targets)
    {
        using var scope = NewDisposeScope();
        var logits = decoder.Logits(hidden.index_select(0, tensor(sources, int64, decoder.Device))); // [N, V]
        var chosen = logits.gather(1, tensor(targets, int64, decoder.Device).unsqueeze(1)).squeeze(1); // [N]
        return chosen.sub(logits.logsumexp(1)).cpu().data<float>().ToArray();
    }
}
