using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Gguf;

/// <summary>How llama.cpp names an architecture and its linear layers, and in which order it keeps the rows of q and k.</summary>
internal static class GgufNames
{
    private const string LayersPrefix = "model.layers.";

    private static readonly Dictionary<string, string> Linears = new()
    {
        ["self_attn.q_proj"] = "attn_q",
        ["self_attn.k_proj"] = "attn_k",
        ["self_attn.v_proj"] = "attn_v",
        ["self_attn.o_proj"] = "attn_output",
        ["mlp.gate_proj"] = "ffn_gate",
        ["mlp.up_proj"] = "ffn_up",
        ["mlp.down_proj"] = "ffn_down",
    };

    /// <summary>llama.cpp computes mistral as a llama.</summary>
    public static string Architecture(ModelConfig config) => config.ModelType == "mistral" ? "llama" : config.ModelType;

    /// <summary><c>model.layers.0.self_attn.q_proj</c> to <c>blk.0.attn_q</c>.</summary>
    public static string OfLinear(string path)
    {
        var rest = path[LayersPrefix.Length..];
        var dot = rest.IndexOf('.', StringComparison.Ordinal);
        return $"blk.{rest[..dot]}.{Linears[rest[(dot + 1)..]]}";
    }

    /// <summary>
    /// llama.cpp turns neighbouring dimensions of a llama's heads together, published checkpoints turn halves: the rows of q and k, of their biases and
    /// of their lora_B change places. Every other layer and architecture stays as it is. Belongs to the caller's dispose scope.
    /// </summary>
    /// <param name="config">The base.</param>
    /// <param name="path">Module path of the layer.</param>
    /// <param name="rows">[out] or [out, n].</param>
    public static Tensor InOrder(ModelConfig config, string path, Tensor rows)
    {
        if (Architecture(config) != "llama") return rows;
        var heads = path.EndsWith(".q_proj", StringComparison.Ordinal) ? config.HeadCount : path.EndsWith(".k_proj", StringComparison.Ordinal) ? config.KeyValueHeadCount : 0;
        if (heads == 0) return rows;
        return rows.reshape(heads, 2, config.HeadWidth / 2, -1).transpose(1, 2).reshape(rows.shape); // [H, 2, K/2, n] to [H, K/2, 2, n]
    }
}
