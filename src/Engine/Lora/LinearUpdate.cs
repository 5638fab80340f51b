using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>What is added to the output of the linear layers in one forward pass.</summary>
public abstract class LinearUpdate
{
    /// <summary>The first layer that something is trained of: what lies before it needs no gradient.</summary>
    internal virtual int FirstSite => 0;

    /// <summary>Adds to <paramref name="y"/> [N, out] what belongs to the layer with this <see cref="Models.LinearSite.Index"/>, given its input <paramref name="x"/> [N, in].</summary>
    /// <returns><paramref name="y"/>, changed in place. Belongs to the caller's dispose scope.</returns>
    internal abstract Tensor AddTo(Tensor y, Tensor x, int site);

    /// <summary>
    /// Adds to the gradients of what is trained at this layer, given <paramref name="gradient"/> [N, out] of what <see cref="AddTo"/> returned for <paramref name="x"/> [N, in], and its share of the
    /// gradient of x to <paramref name="inputGradient"/> [N, in], in place; null: nobody asks for that. To be called without a graph.
    /// </summary>
    /// <remarks>The update is computed once more with a graph of its own: it is thin beside the layer.</remarks>
    internal virtual void Backward(Tensor gradient, Tensor x, int site, Tensor? inputGradient)
    {
        using var scope = NewDisposeScope();
        using var withGraph = enable_grad();
        var input = x.detach().requires_grad_(inputGradient is not null);
        var added = AddTo(zeros_like(gradient), input, site);
        if (!added.requires_grad) return;
        added.backward([gradient]);
        using var noGrad = no_grad();
        if (input.grad is { } share) inputGradient!.add_(share, Scalars.One);
    }
}
