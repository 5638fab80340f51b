namespace ContinualService.Domain.Tasks;

/// <summary>How one task is trained; immutable, stored with the task as JSON.</summary>
public sealed record Hyperparameters
{
    /// <summary>Peak rate of AdamW, 0 to 1. 0 is legal: the adapter then keeps its start point.</summary>
    public double LearningRate { get; init; } = 5e-4;

    /// <summary>Passes over the rows, 1 to 1000.</summary>
    public int Epochs { get; init; } = 3;

    /// <summary>Ends training after so many steps, 1 to 1,000,000; null: no such limit.</summary>
    public int? MaxSteps { get; init; }

    /// <summary>Rows per optimiser step, 1 to 1024.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>Longest row in tokens, from 8; null: the model's context.</summary>
    public int? MaxSequenceLength { get; init; }

    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Linear;

    /// <summary>Share of all steps that the rate takes to rise from 0, 0 to 1; 0: none.</summary>
    public double WarmupFraction { get; init; } = 0.03;

    /// <summary>Decoupled weight decay, 0 to 1; 0: none.</summary>
    public double WeightDecay { get; init; }

    /// <summary>The gradient's norm is clipped to this, 0 to 1000; 0: not clipped.</summary>
    public double MaxGradNorm { get; init; } = 1.0;

    /// <summary>Dropout on the LoRA's input, 0 to 0.95; 0: none.</summary>
    public double Dropout { get; init; }

    /// <summary>From 0. The same seed on the same machine and thread count gives the same adapter, bit for bit.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Optimiser steps over so many rows: whole batches per epoch, the last one perhaps short.</summary>
    public int Steps(int rows) => (int)Math.Min((long)StepsPerEpoch(rows) * Epochs, MaxSteps ?? int.MaxValue);

    /// <summary>How many rows all these steps read, each as often as they do.</summary>
    public long RowPasses(int rows)
    {
        var (epochs, steps) = Math.DivRem(Steps(rows), StepsPerEpoch(rows));
        return (long)epochs * rows + (long)steps * BatchSize;
    }

    /// <summary>Every value outside its range, with the field's wire name, what is wrong, and what to send instead.</summary>
    public IReadOnlyList<(string Field, string Reason, string Mend)> Validate()
    {
        var errors = new List<(string, string, string)>();
        Check("learningRate", LearningRate, 0, 1);
        Check("epochs", Epochs, 1, 1000);
        if (MaxSteps is { } maxSteps) Check("maxSteps", maxSteps, 1, 1_000_000);
        Check("batchSize", BatchSize, 1, 1024);
        if (MaxSequenceLength is { } length) Check("maxSequenceLength", length, 8, 1_000_000);
        if (!Enum.IsDefined(Schedule)) errors.Add(("schedule", "is unknown", "Send constant, linear or cosine."));
        Check("warmupFraction", WarmupFraction, 0, 1);
        Check("weightDecay", WeightDecay, 0, 1);
        Check("maxGradNorm", MaxGradNorm, 0, 1000);
        Check("dropout", Dropout, 0, 0.95);
        Check("seed", Seed, 0, long.MaxValue);
        return errors;

        void Check(string field, double value, double least, double most)
        {
            // Written so that NaN, which compares false with everything, is refused too.
            if (!(value >= least && value <= most))
                errors.Add((field, FormattableString.Invariant($"is {value}"), FormattableString.Invariant($"Send a value from {least} to {most}.")));
        }
    }

    private int StepsPerEpoch(int rows) => (rows + BatchSize - 1) / BatchSize;
}
