using System.Diagnostics;
using System.Runtime.InteropServices;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Data;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>Tunes a LoRA on the rows of one task, in plain steps:
/// <list type="number">
/// <item>Plan: which rows each optimiser step takes.</item>
/// <item>Lay all that is trained into one flat vector, and its gradients into another.</item>
/// <item>Where the run was cut, go on from its checkpoint; between steps, write one where the caller wants it.</item>
/// <item>Per step: forward and backward of each micro-batch, on a CPU its rows shared out among the processors (<see cref="DataParallel"/>), loss at labelled positions only, divided once by the step's labelled tokens; where memory runs out, again with smaller ones; then the method's penalty.</item>
/// <item>Clip the gradient and check that loss and gradient are finite.</item>
/// <item>Update with AdamW at the schedule's rate; report.</item>
/// <item>Copy the result into what the caller gave.</item>
/// </list></summary>
/// <remarks>Synchronous, on the caller's thread. Same seed, rows, options and thread count: the same weights bit for bit, however often the run was cut.</remarks>
public static class Trainer
{
    /// <summary>Trains <paramref name="trainable"/> in place. Until it returns, A and B are what they were: an exception changes nothing.</summary>
    /// <exception cref="TrainingDivergedException">Loss or gradient is not finite.</exception>
    /// <exception cref="MemoryExhaustedException">Memory ran out with one row at a time.</exception>
    /// <exception cref="ArgumentException">An option is out of range, or no row has a labelled token.</exception>
    public static TrainingOutcome Fit(
        Decoder decoder, LoraWeights trainable, IReadOnlyList<EncodedExample> rows, TrainingOptions options,
        IProgress<TrainingStep>? progress = null, CancellationToken cancellationToken = default) =>
        // Not disposed of: the pairs are the caller's.
        Fit(decoder, new Tuning(trainable), rows, options, null, progress, null, cancellationToken);

    /// <summary>The same as a method wants it, and it can be cut and continued. A run that was asked to stop leaves what is trained as it was, like one that failed.</summary>
    internal static TrainingOutcome Fit(
        Decoder decoder, Tuning tuning, IReadOnlyList<EncodedExample> rows, TrainingOptions options, ResumableRun? run,
        IProgress<TrainingStep>? progress, Action<MicroBatching>? ranShort, CancellationToken cancellationToken)
    {
        options.Validate();
        if (!rows.Any(row => LabelledTokens(row) > 0)) throw new ArgumentException("No row has a token to train on. Give rows with an answer.", nameof(rows));
        var from = run?.Checkpointing.From;
        using var scope = NewDisposeScope();
        var clock = Stopwatch.StartNew();
        var streams = new SeedStreams(options.Seed);

        // Step 1: plan.
        var plan = BatchPlan.Create([.. rows.Select(row => row.Ids.Length)], options, streams.NumberGenerator(SeedStreams.Shuffle));

        // Step 2: flat weights and gradients.
        using var live = new LiveParameters(tuning, decoder.Device);
        using var parallel = new DataParallel(decoder, tuning, live, get_num_threads());
        using var optimiser = new AdamW(live.Weights, live.Gradient, options.WeightDecay);

        // Step 3: go on from the checkpoint.
        var (made, totals) = (from?.Step ?? 0, from?.Totals ?? default);
        var ways = options.Ways();
        // What was done is done; what comes takes as little as both say.
        if (from is not null) ways = MicroBatching.With(from.Ways, MicroBatching.At(ways, made + 1) with { FromStep = made + 1 });
        if (from is not null)
        {
            live.Weights.copy_(from.Weights);
            tuning.Statistics?.copy_(from.Statistics ?? throw new InvalidOperationException("The checkpoint lacks the method's statistics."));
            optimiser.Restore(from.Mean, from.Variance, from.Step);
        }

        var earlierSeconds = totals.Seconds;
        while (true)
        {
            var decision = run?.Checkpointing.Decide(made, plan.Count) ?? CheckpointDecision.GoOn;
            if (run is not null && decision != CheckpointDecision.GoOn)
            {
                using var written = new TrainingCheckpoint(
                    run.Inputs, made, plan.Count, totals, ways, live.Weights.alias(), optimiser.Mean.alias(), optimiser.Variance.alias(), tuning.Statistics?.alias());
                run.Checkpointing.Write(written);
                if (decision == CheckpointDecision.WriteAndStop) return Outcome(stopped: true);
            }

            if (made == plan.Count) break;
            cancellationToken.ThrowIfCancellationRequested();
            using var stepScope = NewDisposeScope();
            var step = made + 1;
            var batch = plan[made].Select(index => rows[index]).ToArray();
            var stepTokens = batch.Sum(LabelledTokens);
            var stepWeight = batch.Sum(LossWeight);

            // Step 4: forward and backward.
            var loss = Gradients(step, batch, stepWeight > 0 ? stepWeight : 1);
            using var noGrad = no_grad();
            var penalty = tuning.AfterBackward(live, step);

            // Step 5: clip and check, with one read from the device for all numbers.
            var norm = optimiser.Clip(options.MaxGradNorm);
            var measured = cat(penalty is null ? [loss, norm.reshape(1)] : [loss, norm.reshape(1), penalty.reshape(1)]).cpu().data<float>().ToArray();
            var rate = LearningRates.At(options, step, plan.Count);
            if (!float.IsFinite(measured[0]) || !float.IsFinite(measured[1])) throw TrainingDivergedException.At(step, measured[0], measured[1], rate);

            // Step 6: update and report.
            optimiser.Step(rate);
            made = step;
            totals = new TrainingTotals(
                step == 1 ? measured[0] : totals.FirstLoss, measured[0], totals.TrainedTokens + stepTokens,
                totals.ProcessedTokens + batch.Sum(row => (long)row.Ids.Length), earlierSeconds + clock.Elapsed.TotalSeconds);
            progress?.Report(new TrainingStep(step, plan.Count, totals.LastLoss, rate, measured[1], totals.TrainedTokens, totals.Seconds, penalty is null ? null : measured[2]));
        }

        // Step 7: hand over.
        using (no_grad())
        {
            foreach (var trained in tuning.Trained) trained.copy_(live[trained]);
        }

        return Outcome(stopped: false);

        // The step's share of nothing has been counted yet when memory runs out: it begins anew.
        Tensor Gradients(int step, EncodedExample[] batch, double weight)
        {
            while (true)
            {
                var way = MicroBatching.At(ways, step);
                try
                {
                    live.Gradient.zero_();
                    var loss = zeros(1, float32, decoder.Device);
                    foreach (var (index, microBatch) in batch.Chunk(way.Rows).Index())
                    {
                        using var microScope = NewDisposeScope();
                        loss.add_(parallel.Backward(microBatch, weight, way.Recomputes, lane => Dropout(step, index, lane)), Scalars.One);
                    }

                    return loss;
                }
                catch (ExternalException error) when (MemoryExhaustedException.Is(error))
                {
                    var smaller = way.Smaller(batch.Length) ?? throw MemoryExhaustedException.At(step, batch.Max(row => row.Ids.Length), error);
                    ways = MicroBatching.With(ways, smaller with { FromStep = step });
                    ranShort?.Invoke(MicroBatching.At(ways, step));
                }
            }
        }

        LoraDropout? Dropout(int step, int microBatch, int lane) => options.Dropout > 0
            ? new LoraDropout(options.Dropout, streams.SeedOf(FormattableString.Invariant($"{SeedStreams.Dropout}/{step}/{microBatch}") + (lane == 0 ? "" : FormattableString.Invariant($"/{lane}")))) : null;

        TrainingOutcome Outcome(bool stopped) => new(
            made, totals.FirstLoss, totals.LastLoss, totals.TrainedTokens, totals.ProcessedTokens, earlierSeconds + clock.Elapsed.TotalSeconds, MicroBatching.Write(ways), stopped);
    }

    /// <summary>Positions of a row that are trained: labelled, and with a position before them to be predicted from.</summary>
    internal static long LabelledTokens(EncodedExample row)
    {
        long count = 0;
        for (var t = 1; t < row.Labels.Length; t++)
        {
            if (row.Labels[t] != EncodedExample.IgnoreIndex) count++;
        }

        return count;
    }

    /// <summary>The weight of a row in the loss: its labelled tokens, each counted as the row says.</summary>
    internal static double LossWeight(EncodedExample row)
    {
        if (row.Weights is not { } weights) return LabelledTokens(row);
        double sum = 0;
        for (var t = 1; t < row.Labels.Length; t++)
        {
            if (row.Labels[t] != EncodedExample.IgnoreIndex) sum += weights[t];
        }

        return sum;
    }

    /// <summary>Adds one micro-batch's share to the gradients, or that of one of its lanes; returns its share of the step's mean loss, a scalar on the device.</summary>
    internal static Tensor Backward(Decoder decoder, LinearUpdate update, IReadOnlyList<EncodedExample> rows, double stepWeight, bool recomputes = false, int lanes = 1)
    {
        using var scope = NewDisposeScope();
        // One row after another: nothing is computed that is padding.
        var lengths = rows.Select(row => row.Ids.Length).ToArray();
        var trained = (int)rows.Sum(LabelledTokens);
        if (trained == 0) return zeros(1, float32, decoder.Device).MoveToOuterDisposeScope();
        var (ids, positions, targets) = (empty(lengths.Sum(), int64), empty(trained, int64), empty(trained, int64)); // [N], [n], [n]
        var weights = rows.Any(row => row.Weights is not null) ? empty(trained, float32) : null; // [n]
        Fill(rows, TensorMemory.Span<long>(ids), TensorMemory.Span<long>(positions), TensorMemory.Span<long>(targets), weights is null ? [] : TensorMemory.Span<float>(weights));
        var at = positions.OnDevice(decoder.Device);
        var pass = decoder.Train(ids.OnDevice(decoder.Device), lengths, update, at, recomputes);
        var (loss, gradient) = MaskedCrossEntropy.Of(decoder, pass.Hidden, targets.OnDevice(decoder.Device), weights is null ? null : weights.OnDevice(decoder.Device), stepWeight, lanes);
        pass.Backward(gradient);
        return loss.MoveToOuterDisposeScope();
    }

    /// <summary>The tokens; of each that is trained the position before it, which predicts it, itself, and its weight where rows have any.</summary>
    private static void Fill(IReadOnlyList<EncodedExample> rows, Span<long> ids, Span<long> positions, Span<long> targets, Span<float> weights)
    {
        var (start, next) = (0, 0);
        foreach (var row in rows)
        {
            for (var t = 0; t < row.Ids.Length; t++)
            {
                ids[start + t] = row.Ids[t];
                if (t == 0 || row.Labels[t] == EncodedExample.IgnoreIndex) continue;
                (positions[next], targets[next]) = (start + t - 1, row.Labels[t]);
                if (weights.Length > 0) weights[next] = row.Weights?[t] ?? 1;
                next++;
            }

            start += row.Ids.Length;
        }
    }
}
