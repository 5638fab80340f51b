using System.Diagnostics;
using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>Tunes a LoRA on the rows of one task, in plain steps:
/// <list type="number">
/// <item>Plan: which rows each optimiser step takes.</item>
/// <item>Lay A and B of all layers into one flat vector, and their gradients into another.</item>
/// <item>Where the run was cut, go on from its checkpoint; between steps, write one where the caller wants it.</item>
/// <item>Per step: forward and backward of each micro-batch, loss at labelled positions only, divided once by the step's labelled tokens.</item>
/// <item>Clip the gradient and check that loss and gradient are finite.</item>
/// <item>Update with AdamW at the schedule's rate; report.</item>
/// <item>Copy the result into the caller's A and B.</item>
/// </list></summary>
/// <remarks>Synchronous, on the caller's thread. Same seed, rows, options and thread count: the same weights bit for bit, however often the run was cut.</remarks>
public static class Trainer
{
    /// <summary>Trains <paramref name="trainable"/> in place. Until it returns, A and B are what they were: an exception changes nothing.</summary>
    /// <exception cref="TrainingDivergedException">Loss or gradient is not finite.</exception>
    /// <exception cref="ArgumentException">An option is out of range, or no row has a labelled token.</exception>
    public static TrainingOutcome Fit(
        Decoder decoder, LoraWeights trainable, IReadOnlyList<EncodedExample> rows, TrainingOptions options,
        IProgress<TrainingStep>? progress = null, CancellationToken cancellationToken = default) =>
        Fit(decoder, trainable, rows, options, null, progress, cancellationToken);

    /// <summary>The same, and it can be cut and continued. A run that was asked to stop leaves A and B what they were, like one that failed.</summary>
    internal static TrainingOutcome Fit(
        Decoder decoder, LoraWeights trainable, IReadOnlyList<EncodedExample> rows, TrainingOptions options, ResumableRun? run,
        IProgress<TrainingStep>? progress, CancellationToken cancellationToken)
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
        var (weights, gradient) = (Flatten(trainable, decoder.Device), FlatZeros(trainable, decoder.Device)); // [P], [P]
        using var working = Views(trainable, weights, gradient);
        using var optimiser = new AdamW(weights, gradient, options.WeightDecay);
        using var dropoutGenerator = streams.TensorGenerator(SeedStreams.Dropout);
        var onCpu = decoder.Device.type == DeviceType.CPU;
        var dropout = options.Dropout > 0 ? new LoraDropout(options.Dropout, onCpu ? dropoutGenerator : null) : null;

        // Step 3: go on from the checkpoint.
        var (made, totals) = (from?.Step ?? 0, from?.Totals ?? default);
        if (from is not null)
        {
            weights.copy_(from.Weights);
            optimiser.Restore(from.Mean, from.Variance, from.Step);
            dropoutGenerator.set_state(from.Dropout);
        }

        var earlierSeconds = totals.Seconds;
        while (true)
        {
            var decision = run?.Checkpointing.Decide(made, plan.Count) ?? CheckpointDecision.GoOn;
            if (run is not null && decision != CheckpointDecision.GoOn)
            {
                using var written = new TrainingCheckpoint(
                    run.Inputs, made, plan.Count, totals, weights.alias(), optimiser.Mean.alias(), optimiser.Variance.alias(), dropoutGenerator.get_state());
                run.Checkpointing.Write(written);
                if (decision == CheckpointDecision.WriteAndStop) return Outcome(stopped: true);
            }

            if (made == plan.Count) break;
            cancellationToken.ThrowIfCancellationRequested();
            using var stepScope = NewDisposeScope();
            var step = made + 1;
            var batch = plan[made].Select(index => rows[index]).ToArray();
            var stepTokens = batch.Sum(LabelledTokens);

            // Step 4: forward and backward. The device's generator is the whole process's: seeded anew, a step draws the same masks whatever came before it.
            if (dropout is { Generator: null }) cuda.manual_seed_all(streams.SeedOf(FormattableString.Invariant($"{SeedStreams.Dropout}/{step}")));
            gradient.zero_();
            var loss = zeros(1, float32, decoder.Device);
            foreach (var microBatch in batch.Chunk(options.MicroBatchSize ?? options.BatchSize))
            {
                using var microScope = NewDisposeScope();
                loss.add_(Backward(decoder, working, dropout, microBatch, Math.Max(1, stepTokens)));
            }

            // Step 5: clip and check, with one read from the device for both numbers.
            using var noGrad = no_grad();
            var norm = optimiser.Clip(options.MaxGradNorm);
            var measured = cat([loss, norm.reshape(1)]).cpu().data<float>().ToArray();
            var rate = LearningRates.At(options, step, plan.Count);
            if (!float.IsFinite(measured[0]) || !float.IsFinite(measured[1])) throw TrainingDivergedException.At(step, measured[0], measured[1], rate);

            // Step 6: update and report.
            optimiser.Step(rate);
            made = step;
            totals = new TrainingTotals(
                step == 1 ? measured[0] : totals.FirstLoss, measured[0], totals.TrainedTokens + stepTokens,
                totals.ProcessedTokens + batch.Sum(row => (long)row.Ids.Length), earlierSeconds + clock.Elapsed.TotalSeconds);
            progress?.Report(new TrainingStep(step, plan.Count, totals.LastLoss, rate, measured[1], totals.TrainedTokens, totals.Seconds));
        }

        // Step 7: hand over.
        using (no_grad())
        {
            foreach (var (mine, trained) in trainable.Pairs.Zip(working.Pairs))
            {
                mine.A.copy_(trained.A);
                mine.B.copy_(trained.B);
            }
        }

        return Outcome(stopped: false);

        TrainingOutcome Outcome(bool stopped) => new(
            made, totals.FirstLoss, totals.LastLoss, totals.TrainedTokens, totals.ProcessedTokens, earlierSeconds + clock.Elapsed.TotalSeconds, stopped);
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

    /// <summary>Adds one micro-batch's share to the gradients; returns its share of the step's mean loss, a scalar on the device.</summary>
    internal static Tensor Backward(Decoder decoder, LoraWeights lora, LoraDropout? dropout, IReadOnlyList<EncodedExample> rows, long stepTokens)
    {
        using var scope = NewDisposeScope();
        var longest = rows.Max(row => row.Ids.Length);
        var ids = new long[rows.Count * longest]; // right padding: causal attention never looks at it
        List<long> positions = [], targets = [];
        for (var b = 0; b < rows.Count; b++)
        {
            var row = rows[b];
            for (var t = 0; t < row.Ids.Length; t++)
            {
                ids[b * longest + t] = row.Ids[t];
                if (t == 0 || row.Labels[t] == EncodedExample.IgnoreIndex) continue;
                positions.Add(b * longest + t - 1);
                targets.Add(row.Labels[t]);
            }
        }

        if (positions.Count == 0) return zeros(1, float32, decoder.Device).MoveToOuterDisposeScope();
        var input = OnDevice(ids, decoder.Device).reshape(rows.Count, longest); // [B, T]
        var (at, next) = (OnDevice([.. positions], decoder.Device), OnDevice([.. targets], decoder.Device)); // [N], [N]
        var hidden = decoder.Hidden(input, lora, dropout); // [B, T, D]
        return MaskedCrossEntropy.Backward(decoder, hidden, at, next, stepTokens).MoveToOuterDisposeScope();
    }

    /// <summary>Pinned, so that the copy waits for no earlier work of the device: an ordinary one would hold up this thread until the device is idle.</summary>
    private static Tensor OnDevice(long[] values, Device device)
    {
        var held = tensor(values, dtype: int64);
        return device.type == DeviceType.CPU ? held : held.pin_memory().to(device, non_blocking: true);
    }

    private static Tensor Flatten(LoraWeights lora, Device device)
    {
        using var scope = NewDisposeScope();
        return cat([.. lora.Pairs.SelectMany(pair => new[] { pair.A.detach().reshape(-1), pair.B.detach().reshape(-1) })])
            .to(Precision.Master).to(device).MoveToOuterDisposeScope(); // [P]
    }

    private static Tensor FlatZeros(LoraWeights lora, Device device) =>
        zeros(lora.Pairs.Sum(pair => pair.A.numel() + pair.B.numel()), Precision.Master, device); // [P]

    /// <summary>A and B as leaves that live in the flat vector, whose gradients live in the other.</summary>
    private static LoraWeights Views(LoraWeights shapes, Tensor weights, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        long offset = 0;
        return new LoraWeights([.. shapes.Pairs.Select(pair => pair with { A = Leaf(pair.A), B = Leaf(pair.B) })]);

        Tensor Leaf(Tensor like)
        {
            var leaf = weights.narrow(0, offset, like.numel()).view(like.shape).detach().requires_grad_(true);
            leaf.grad = gradient.narrow(0, offset, like.numel()).view(like.shape);
            offset += like.numel();
            return leaf;
        }
    }
}
