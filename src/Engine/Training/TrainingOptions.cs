using ContinualService.Domain.Tasks;

namespace ContinualService.Engine.Training;

/// <summary>How one task is tuned.</summary>
/// <remarks>The defaults suit small models on a CPU; for bases of a billion parameters and more, 1e-4 to 2e-4 is the usual rate.</remarks>
public sealed record TrainingOptions
{
    /// <summary>Peak learning rate, 0 to 1. 0 is legal: the weights stay bit for bit what they were at the start of the task.</summary>
    public double LearningRate { get; init; } = 5e-4;

    /// <summary>Passes over the rows, 1 to 1,000.</summary>
    public int Epochs { get; init; } = 3;

    /// <summary>Largest number of optimiser steps; null: the epochs alone decide.</summary>
    public int? MaxSteps { get; init; }

    /// <summary>Rows per optimiser step.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>How the rows of a step are cut, oldest first and from step 1 on; empty: they are not. Less memory, same result.</summary>
    public IReadOnlyList<MicroBatching> MicroBatches { get; init; } = [];

    /// <summary>Longest row in tokens, prompt and answer together; null: what the model was made for. The encoder applies it.</summary>
    public int? MaxSequenceLength { get; init; }

    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Linear;

    /// <summary>Share of the steps in which the rate climbs from 0 to its peak, 0 to 1.</summary>
    public double WarmupFraction { get; init; } = 0.03;

    /// <summary>Decoupled weight decay of AdamW per step and unit of rate; 0: none.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Largest global L2 norm of the gradient; 0: no clipping.</summary>
    public double MaxGradNorm { get; init; } = 1.0;

    /// <summary>Dropout on the input of every LoRA, 0 to below 1.</summary>
    public double Dropout { get; init; }

    /// <summary>Root of every random stream of the task (initialisation, order of rows, dropout).</summary>
    public long Seed { get; init; } = 42;

    /// <summary>How the steps are cut, oldest first.</summary>
    internal IReadOnlyList<MicroBatching> Ways() => MicroBatches is [] ? [new MicroBatching(1, BatchSize, Recomputes: false)] : MicroBatches;

    /// <summary>Checks every range at once.</summary>
    /// <exception cref="ArgumentException">Names each option that is out of range, its value and the range.</exception>
    public void Validate()
    {
        List<string> errors = [];
        Check(LearningRate is >= 0 and <= 1, nameof(LearningRate), LearningRate, "0 to 1");
        Check(Epochs is >= 1 and <= 1000, nameof(Epochs), Epochs, "1 to 1000");
        Check(MaxSteps is null or >= 1, nameof(MaxSteps), MaxSteps, "1 or more, or absent");
        Check(BatchSize is >= 1 and <= 4096, nameof(BatchSize), BatchSize, "1 to 4096");
        Check(MicroBatches is [] or [{ FromStep: 1 }, ..] && MicroBatches.All(each => each.Rows >= 1), nameof(MicroBatches), MicroBatching.Write(MicroBatches), "empty, or of 1 row or more from step 1 on");
        Check(MaxSequenceLength is null or >= 2, nameof(MaxSequenceLength), MaxSequenceLength, "2 or more, or absent");
        Check(Enum.IsDefined(Schedule), nameof(Schedule), Schedule, "constant, linear or cosine");
        Check(WarmupFraction is >= 0 and <= 1, nameof(WarmupFraction), WarmupFraction, "0 to 1");
        Check(WeightDecay is >= 0 and <= 10, nameof(WeightDecay), WeightDecay, "0 to 10");
        Check(MaxGradNorm is >= 0 and <= 1e6, nameof(MaxGradNorm), MaxGradNorm, "0 to 1000000");
        Check(Dropout is >= 0 and < 1, nameof(Dropout), Dropout, "0 to below 1");
        if (errors.Count > 0) throw new ArgumentException(string.Join(" ", errors));

        void Check(bool holds, string name, object? value, string range)
        {
            if (!holds) errors.Add(FormattableString.Invariant($"{name} is {value}; it must be {range}."));
        }
    }
}
