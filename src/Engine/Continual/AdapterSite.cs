using ContinualService.Engine.Models;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>The state of one adapted layer.</summary>
/// <param name="Site">The layer.</param>
/// <param name="Tensors">float32, by the names of the method's <see cref="IContinualMethod.Layout"/>.</param>
public sealed record AdapterSite(LinearSite Site, IReadOnlyDictionary<string, Tensor> Tensors)
{
    /// <summary>What most methods keep: the tuned pair and the B that serves.</summary>
    public AdapterSite(LinearSite site, Tensor aFineTuned, Tensor bFineTuned, Tensor bMerged)
        : this(site, new Dictionary<string, Tensor> { [StateTensor.FineTunedA] = aFineTuned, [StateTensor.FineTunedB] = bFineTuned, [StateTensor.MergedB] = bMerged })
    {
    }

    /// <summary>[R, in]: A of the last fine-tune.</summary>
    public Tensor AFineTuned => Tensors[StateTensor.FineTunedA];

    /// <summary>[out, R]: B of the last fine-tune.</summary>
    public Tensor BFineTuned => Tensors[StateTensor.FineTunedB];

    /// <summary>[out, R]: the B that serves, where the method merges B.</summary>
    public Tensor BMerged => Tensors[StateTensor.MergedB];
}
