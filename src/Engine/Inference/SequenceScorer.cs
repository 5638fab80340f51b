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

    // For a lane.
    private const int LeastRows = 4;

    /// <summary>
    /// Per sequence a float[Length]: element t is ln p(ids[t] | ids[..t]). Element 0, and every element before <paramref name="firstScored"/> of its row,
    /// is NaN: not computed. Sequences are batched by length, nothing is padded, and only scored positions go through the last block's second half and the head; null for <paramref name="size"/> takes the largest;
    /// <paramref name="progress"/> is told the share of sequences done.
    /// </summary>
    /// <exception cref="ArgumentException">A sequence is empty or longer than the context.</exception>
    public static float[][] LogProbabilities(
        Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> sequences, IReadOnlyList<int>? firstScored = null, ScoringSize? size = null,
        IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        size ??= ScoringSize.Largest;
        for (var i = 0; i < sequences.Count; i++)
        {
            if (sequences[i].Length == 0 || sequences[i].Length > decoder.Config.MaxPositions)
                throw new ArgumentException($"Sequence {i} has {sequences[i].Length} tokens; 1 to {decoder.Config.MaxPositions} are possible.", nameof(sequences));
        }

        var results = new float[sequences.Count][];
        var lanes = new ScoringLanes(decoder, [.. sequences.Select(ids => ids.Length)], size, size.Tokens / TokensShare, LeastRows);
        lanes.Run(ScoringSize.MaxRows, Math.Min(lanes.Size.Tokens / TokensShare, ScoringSize.PassTokens(decoder.OnCpu)), group => ScoreGroup(decoder, lora, sequences, firstScored, group, results, lanes.Size), progress, cancellation);
        return results;
    }

    private static void ScoreGroup(
        Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> sequences, IReadOnlyList<int>? firstScored, int[] group, float[][] results, ScoringSize size)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (ids, sources, targets, places) = (new List<long>(), new List<long>(), new List<long>(), new List<(int Sequence, int Token)>());
        foreach (var index in group)
        {
            var sequence = sequences[index];
            results[index] = new float[sequence.Length];
            Array.Fill(results[index], float.NaN);
            for (var t = Math.Max(1, firstScored?[index] ?? 1); t < sequence.Length; t++)
            {
                sources.Add(ids.Count + t - 1); // the token before predicts this one
                targets.Add(sequence[t]);
                places.Add((index, t));
            }

            ids.AddRange(sequence.Select(id => (long)id));
        }

        if (places.Count == 0) return;
        var hidden = decoder.Hidden(
            tensor(ids, int64, decoder.Device), [.. group.Select(index => sequences[index].Length)], LoraUpdate.Of(lora, decoder.Device), tensor(sources, int64, decoder.Device)); // [n, D]
        var scores = Score(decoder, hidden, targets, size);
        for (var i = 0; i < places.Count; i++) results[places[i].Sequence][places[i].Token] = scores[i];
    }

    /// <summary>ln p of each target after the state of the token before it, [n, D].</summary>
    internal static float[] Score(Decoder decoder, Tensor hidden, List<long> targets, ScoringSize size)
    {
        var (scores, chunk) = (new float[targets.Count], size.Positions(decoder.Config.VocabularySize));
        for (var start = 0; start < scores.Length; start += chunk)
        {
            var count = Math.Min(chunk, scores.Length - start);
            Score(decoder, hidden, start, targets.GetRange(start, count)).CopyTo(scores, start);
        }

        return scores;
    }

    private static float[] Score(Decoder decoder, Tensor hidden, int start, List<long> targets)
    {
        using var scope = NewDisposeScope();
        var logits = decoder.Logits(hidden.narrow(0, start, targets.Count)); // [n, V]
        var chosen = logits.gather(1, tensor(targets, int64, decoder.Device).unsqueeze(1)).squeeze(1); // [n]
        return chosen.sub(logits.logsumexp(1)).cpu().data<float>().ToArray();
    }
}
