using ContinualService.Engine.Models;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>The LoRA of one linear layer: dW = Scale * B A.</summary>
/// <param name="Site">The layer it belongs to.</param>
/// <param name="A">float32 [R, in].</param>
/// <param name="B">float32 [out, R].</param>
/// <param name="Scale">alpha / R, or alpha / sqrt(R) with rank-stabilised LoRA.</param>
public sealed record LoraPair(LinearSite Site, Tensor A, Tensor B, double Scale)
{
    /// <summary>The gradient of A, where whoever trains it holds it all the time: asking the tensor makes an object. Null: the tensor is asked, if it wants one.</summary>
    internal Tensor? GradientOfA { get; init; }

    /// <summary>As <see cref="GradientOfA"/>.</summary>
    internal Tensor? GradientOfB { get; init; }
}
