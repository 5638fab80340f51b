using System.Diagnostics.Metrics;
using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>Serve equals train: whether the server, with a version's stored weights, gives a text the log-probabilities that the trainer gives it.</summary>
public static class ServingProbe
{
    /// <summary>Texts that a probe reads, at most.</summary>
    public const int MaxTexts = 8;

    /// <summary>Tokens that it reads of each, from the beginning.</summary>
    public const int MaxTokens = 64;

    // Fewer than a text has: its later tokens meet the keys and values of earlier steps, as in an answer.
    private const int StepTokens = 24;

    private const string Owner = "probe";

    /// <summary>
    /// Scores the texts three times: by the trainer side by side; one at a time with libtorch's own attention, which shows how much the order of additions moves a
    /// log-probability on this device; and by a server's engine, all at once and in pieces, with the bare base among the rows.
    /// </summary>
    /// <param name="decoder">The base, on the device of the training.</param>
    /// <param name="trained">The served weights as the trainer has them.</param>
    /// <param name="stored">The same as they were read back from their file.</param>
    /// <param name="digest">SHA-256 of that file.</param>
    /// <param name="texts">Token ids; those of fewer than two tokens have nothing to compare.</param>
    public static ServingAgreement Run(Decoder decoder, LoraWeights trained, LoraWeights stored, string digest, IReadOnlyList<int[]> texts)
    {
        List<int[]> probes = [.. texts.Where(ids => ids.Length > 1).Take(MaxTexts).Select(ids => ids[..Math.Min(ids.Length, MaxTokens)])];
        if (probes.Count == 0) return new ServingAgreement(0, 0, 0);
        var together = SequenceScorer.LogProbabilities(decoder, trained, probes);
        var alone = probes.ConvertAll(ids => Alone(decoder, trained, ids));
        var served = Serve(decoder, new BatchAdapter(digest, stored), probes);
        return new ServingAgreement(probes.Sum(ids => ids.Length - 1), Largest(together, served), Largest(together, alone), decoder.DType == Precision.Master ? ServingAgreement.LeastTolerance : ServingAgreement.LeastNarrowTolerance);
    }

    private static float[] Alone(Decoder decoder, LoraWeights trained, int[] ids)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var hidden = decoder.Hidden(RightPadded.Batch([ids], decoder.Device), trained).squeeze(0).narrow(0, 0, ids.Length - 1); // [T - 1, D]
        return [float.NaN, .. SequenceScorer.Score(decoder, hidden, [.. ids.Skip(1).Select(id => (long)id)], ScoringSize.Largest)];
    }

    private static List<float[]> Serve(Decoder decoder, BatchAdapter adapter, List<int[]> texts)
    {
        using var meter = new Meter("ContinualService.ServingProbe");
        var options = new BatchOptions(MaxRows: texts.Count + 1, MaxAdapters: 1, StepTokens, CacheTokens: 2L * MaxTokens * (texts.Count + 1));
        using var engine = new BatchEngine(decoder, options, Owner, new BatchMetrics(meter));
        List<Task<IReadOnlyList<ScoredToken>>> answers = [ScoreAsync(engine, null, texts[0]), .. texts.Select(ids => ScoreAsync(engine, adapter, ids))];
        // The engine has a thread of its own, and a training process waits for nothing else.
        var scored = Task.WhenAll(answers).GetAwaiter().GetResult();
        return [.. scored.Skip(1).Select(tokens => tokens.Select(token => (float)token.LogProbability).ToArray())];
    }

    private static Task<IReadOnlyList<ScoredToken>> ScoreAsync(BatchEngine engine, BatchAdapter? adapter, int[] ids)
    {
        var done = new TaskCompletionSource<IReadOnlyList<ScoredToken>>(TaskCreationOptions.RunContinuationsAsynchronously);
        IReadOnlyList<ScoredToken> scores = [];
        engine.Submit(new SequenceRequest(Owner, adapter, ids, 0, new SamplingOptions(), _ => false, Finish) { OnPromptScored = tokens => scores = tokens });
        return done.Task;

        void Finish(Exception? fault)
        {
            if (fault is null) done.SetResult(scores);
            else done.SetException(fault);
        }
    }

    /// <summary>Element 0 of each is not computed. Infinite where one side is not a number: that agrees with nothing.</summary>
    private static double Largest(IReadOnlyList<float[]> expected, List<float[]> found)
    {
        var largest = 0.0;
        foreach (var (wanted, got) in expected.Zip(found))
        {
            if (wanted.Length != got.Length) return double.PositiveInfinity;
            for (var index = 1; index < wanted.Length; index++)
            {
                var difference = Math.Abs((double)wanted[index] - got[index]);
                largest = Math.Max(largest, double.IsNaN(difference) ? double.PositiveInfinity : difference);
            }
        }

        return largest;
    }
}
