namespace ContinualService.Engine.Models;

/// <summary>One linear layer that can carry a LoRA; <paramref name="Path"/> is its checkpoint name, such as <c>model.layers.0.self_attn.q_proj</c>.</summary>
/// <param name="Index">Position in <see cref="Decoder.Linears"/>.</param>
/// <param name="Path">Module path without <c>.weight</c>.</param>
/// <param name="InFeatures">Columns of the weight.</param>
/// <param name="OutFeatures">Rows of the weight.</param>
public sealed record LinearSite(int Index, string Path, int InFeatures, int OutFeatures)
{
    /// <summary>The block it stands in, counted from 0.</summary>
    public int Layer => Index / DecoderLayout.BlockLinears.Length;
}
