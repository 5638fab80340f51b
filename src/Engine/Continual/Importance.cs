using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>An importance of every entry of A and B, kept beside the pair and as one vector in the trainer's order.</summary>
internal static class Importance
{
    public const string OfA = "omega_a";
    public const string OfB = "omega_b";

    /// <summary>The tuned pair, then the importances.</summary>
    public static IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site) =>
    [
        StateTensor.LikeA(StateTensor.FineTunedA, config, site), StateTensor.LikeB(StateTensor.FineTunedB, config, site),
        StateTensor.LikeA(OfA, config, site), StateTensor.LikeB(OfB, config, site),
    ];

    /// <summary>[P], in the order of A and B of every pair.</summary>
    public static Tensor Flat(AdapterState state, Device device) => LiveParameters.Flatten(state.Sites.SelectMany(site => new[] { site.Tensors[OfA], site.Tensors[OfB] }), device);

    /// <summary>A layer's state from its tuned pair and <paramref name="omega"/> [P], which holds the layer's entries from <paramref name="offset"/> on. Copies.</summary>
    public static Dictionary<string, Tensor> Entries(LoraPair pair, Tensor omega, ref long offset)
    {
        Dictionary<string, Tensor> tensors = new() { [StateTensor.FineTunedA] = pair.A.detach().clone(), [StateTensor.FineTunedB] = pair.B.detach().clone() };
        foreach (var (name, like) in new[] { (OfA, pair.A), (OfB, pair.B) })
        {
            tensors[name] = omega.narrow(0, offset, like.numel()).view(like.shape).clone();
            offset += like.numel();
        }

        return tensors;
    }
}
