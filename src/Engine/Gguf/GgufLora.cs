using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Gguf;

/// <summary>A LoRA as llama.cpp and what is built on it load it beside a base in GGUF.</summary>
public static class GgufLora
{
    /// <summary>Writes float32 weights; the same adapter gives the same bytes.</summary>
    /// <param name="stream">Written to from its present position on.</param>
    /// <param name="model">The base's shape: llama.cpp keeps the rows of a llama's q and k in another order.</param>
    /// <param name="config">The adapter's shape.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="name">What viewers show as the adapter's name.</param>
    public static void Write(Stream stream, ModelConfig model, LoraConfig config, LoraWeights weights, string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var metadata = new GgufMetadata()
            .Add("general.architecture", GgufNames.Architecture(model))
            .Add("general.type", "adapter")
            .Add("general.name", name)
            .Add("general.file_type", GgufWriter.AllFloat32)
            .Add("adapter.type", "lora")
            .Add("adapter.lora.alpha", (float)config.Alpha);
        List<(string, Tensor)> tensors = [];
        foreach (var pair in weights.Pairs)
        {
            var layer = GgufNames.OfLinear(pair.Site.Path) + ".weight";
            tensors.Add((layer + ".lora_a", pair.A.detach().to(float32)));
            tensors.Add((layer + ".lora_b", GgufNames.InOrder(model, pair.Site.Path, Scaled(config, pair))));
        }

        GgufWriter.Write(stream, metadata, tensors);
    }

    /// <summary>Readers know one scale, the file's alpha over the pair's own rank; what a pair has beyond it (rank-stabilised, a pattern's alpha) goes into B.</summary>
    private static Tensor Scaled(LoraConfig config, LoraPair pair)
    {
        var b = pair.B.detach().to(float32);
        // From the file's alpha as readers see it.
        var applied = (float)config.Alpha / (double)pair.A.shape[0];
        return Math.Abs(pair.Scale - applied) <= 1e-6 * Math.Abs(pair.Scale) ? b : b.mul(pair.Scale / applied);
    }
}
