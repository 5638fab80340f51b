using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>How an adapter goes from one task to the next: what it keeps, what a task trains, what becomes of the result, and what is served.</summary>
public interface IContinualMethod
{
    /// <summary>The name on the wire and in files.</summary>
    string Name { get; }

    /// <summary>The method's options, each with its value.</summary>
    MethodOptions Options { get; }

    /// <summary>Whether the state has the same size after any number of tasks.</summary>
    bool HasConstantMemory => true;

    /// <summary>The weight with which the <paramref name="taskIndex"/>-th task (1-based) enters what is served; 1 where nothing is averaged.</summary>
    double Lambda(int taskIndex) => 1;

    /// <summary>What is kept of an adapted layer after <paramref name="taskIndex"/> tasks. State files hold just this, and memory is counted from it.</summary>
    IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex);

    /// <summary>The shape of what is served after <paramref name="taskIndex"/> tasks.</summary>
    LoraConfig ServedConfig(LoraConfig config, int taskIndex) => config;

    /// <summary>What the next task trains and where that starts: fresh for the first task (<paramref name="previous"/> null), else from the last state. The result is the caller's.</summary>
    Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator);

    /// <summary>Whether it has to know how the base's chat template writes a user's turn: a base without a template cannot be taught by it.</summary>
    bool NeedsUserTurn => false;

    /// <summary>How many rows <see cref="RowsOf"/> gives at most, for a task with so many of its own after so many earlier ones: what an estimate counts with.</summary>
    int RowsAtMost(int rows, int earlierTasks) => rows;

    /// <summary>What the next task trains on: here its own rows. Called once, before <see cref="StartTask"/>; the same inputs and streams give the same rows.</summary>
    IReadOnlyList<EncodedExample> RowsOf(Decoder decoder, AdapterState? previous, IReadOnlyList<EncodedExample> rows, TrainingOptions options, CancellationToken cancellationToken) => rows;

    /// <summary>The state after tuning. Copies what it keeps; <paramref name="previous"/> is not changed, so that a failed task changes nothing.</summary>
    AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous);

    /// <summary>A and B that a layer is served with; copies in the caller's dispose scope.</summary>
    (Tensor A, Tensor B) Serve(AdapterSite site);

    /// <summary>The state as if <paramref name="taskIndex"/> tasks had ended in these weights; null where weights alone do not say what the method keeps.</summary>
    AdapterState? StateOf(LoraConfig config, LoraWeights weights, int taskIndex) => null;
}
