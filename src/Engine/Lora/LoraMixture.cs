using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>
/// Several LoRAs of one base as one: W0 + sum_i c_i s B_i A_i (arXiv 2512.09910, its mixture at inference) is one pair of each layer, the A above one another and the c_i B_i beside one another,
/// so a mixture costs what one LoRA of so large a rank costs, and can do all that one can.
/// </summary>
public static class LoraMixture
{
    /// <summary>The ranks added up, and the alpha that keeps the scale.</summary>
    public static LoraConfig ShapeOf(IReadOnlyList<LoraConfig> parts)
    {
        var rank = parts.Sum(part => part.Rank);
        return parts[0] with { Rank = rank, Alpha = parts[0].Alpha / parts[0].Rank * rank };
    }

    /// <summary>The sum, with the scale of the first; copies.</summary>
    /// <param name="parts">All on the same layers, each with its c.</param>
    public static LoraWeights Of(IReadOnlyList<(LoraWeights Lora, double Weight)> parts)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new LoraWeights([.. parts[0].Lora.Pairs.Select(first =>
        {
            var pairs = parts.Select(part => (Pair: part.Lora.At(first.Site.Index) ?? throw new ArgumentException($"One of the LoRAs has no pair for {first.Site.Path}.", nameof(parts)), part.Weight)).ToList();
            return first with
            {
                A = cat([.. pairs.Select(each => each.Pair.A)], 0), // [sum R, in]
                B = cat([.. pairs.Select(each => each.Pair.B.mul(each.Weight * (each.Pair.Scale / first.Scale)))], 1), // [out, sum R]
            };
        })]);
    }
}
