using ContinualService.Domain.Tasks;
using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>
/// A run between two steps: all that the steps to come depend on and that the inputs do not give again. The order of the rows, the schedule and
/// the dropout masks are functions of the inputs, so the number of steps made is the position in all three. Owns its tensors.
/// </summary>
public sealed class TrainingCheckpoint : IDisposable
{
    internal TrainingCheckpoint(
        TrainingInputs inputs, int step, int totalSteps, TrainingTotals totals, IReadOnlyList<MicroBatching> ways, Tensor weights, Tensor mean, Tensor variance, Tensor? statistics = null)
    {
        (Inputs, Step, TotalSteps, Totals, Ways) = (inputs, step, totalSteps, totals, ways);
        (Weights, Mean, Variance) = (weights.DetachFromDisposeScope(), mean.DetachFromDisposeScope(), variance.DetachFromDisposeScope());
        Statistics = statistics?.DetachFromDisposeScope();
    }

    public TrainingInputs Inputs { get; }

    /// <summary>Optimiser steps made.</summary>
    public int Step { get; }

    /// <summary>Steps of the whole run.</summary>
    public int TotalSteps { get; }

    internal TrainingTotals Totals { get; }

    /// <summary>How the steps so far were cut, and those to come are unless memory runs short.</summary>
    internal IReadOnlyList<MicroBatching> Ways { get; }

    /// <summary>float32 [P]: all that is trained, as the trainer lays it out.</summary>
    internal Tensor Weights { get; }

    /// <summary>float32 [P]: AdamW's first moment.</summary>
    internal Tensor Mean { get; }

    /// <summary>float32 [P]: AdamW's second moment.</summary>
    internal Tensor Variance { get; }

    /// <summary>float32 [Q]: what the method has counted so far; null: it counts nothing.</summary>
    internal Tensor? Statistics { get; }

    /// <summary>Writes the checkpoint under a temporary name, flushes it to the disk and renames it; see <see cref="TrainingCheckpointFile"/>.</summary>
    public void Save(string path) => TrainingCheckpointFile.Save(this, path);

    /// <summary>Reads a checkpoint and checks that its bytes are those that were written.</summary>
    /// <exception cref="CheckpointException">The file is absent, damaged, no checkpoint, or another version's.</exception>
    public static TrainingCheckpoint Load(string path) => TrainingCheckpointFile.Load(path);

    /// <summary>Compares what the checkpoint was made of with what a run is made of.</summary>
    /// <exception cref="CheckpointException">Names the first difference.</exception>
    public void CheckFits(TrainingInputs inputs)
    {
        Check(Inputs.Options, inputs.Options, CheckpointFault.OtherOptions, "with other training options, another shape of adapter, another method or another kind of device");
        Check(Inputs.Rows, inputs.Rows, CheckpointFault.OtherRows, "of other training rows");
        Check(Inputs.Base, inputs.Base, CheckpointFault.OtherBase, "on another base model");
        Check(Inputs.PreviousState, inputs.PreviousState, CheckpointFault.OtherPreviousState, "from another state of the adapter");

        void Check(string found, string wanted, CheckpointFault fault, string how)
        {
            if (found != wanted) throw new CheckpointException(fault, $"The checkpoint at step {Step} was made {how} (digest {found}, this run has {wanted}).");
        }
    }

    public void Dispose()
    {
        Weights.Dispose();
        Mean.Dispose();
        Variance.Dispose();
        Statistics?.Dispose();
    }
}
