using ContinualService.Engine.Lora;
using ContinualService.Engine.Training;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>Plain tuning that remembers the A it started from: what is merged is the way from there.</summary>
internal sealed class RememberingTuning : Tuning
{
    public RememberingTuning(LoraWeights lora)
        : base(lora) => StartA = [.. lora.Pairs.Select(pair => Keep(pair.A.clone()))];

    /// <summary>A of each pair before training.</summary>
    public IReadOnlyList<Tensor> StartA { get; }
}
