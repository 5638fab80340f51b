using ContinualService.Engine.Models;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Models;

/// <summary>Decoders with the weights of another, held otherwise.</summary>
internal static class HeldBases
{
    public static Decoder Of(Decoder decoder, BaseHolding holding)
    {
        using var scope = NewDisposeScope();
        var weights = new BaseWeights(decoder.Config, holding, decoder.Device, decoder.DType);
        foreach (var (name, weight) in decoder.Weights) weights.Add(name, weight);
        return new Decoder(decoder.Config, weights);
    }
}
