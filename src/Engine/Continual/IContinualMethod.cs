using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>How an adapter goes from one task to the next: where the next task's tuning starts, and what becomes of its result.</summary>
public interface IContinualMethod
{
    /// <summary>The name on the wire and in files.</summary>
    string Name { get; }

    /// <summary>The weight of the <paramref name="taskIndex"/>-th task (1-based) in the served B.</summary>
    double Lambda(int taskIndex);

    /// <summary>Where tuning starts: fresh for the first task (<paramref name="previous"/> null), else from the last state. The result is the caller's.</summary>
    LoraWeights StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator);

    /// <summary>The state after tuning. Copies what it keeps; <paramref name="previous"/> is not changed, so that a failed task changes nothing.</summary>
    AdapterState FinishTask(LoraConfig config, LoraWeights fineTuned, AdapterState? previous);
}
