using ContinualService.Engine.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Models;

/// <summary>silu(gate) * up, between the feed-forward layers (arXiv 2002.05202). Results belong to the caller's dispose scope.</summary>
internal static class SwiGlu
{
    /// <summary>Of two [N, F].</summary>
    public static Tensor Apply(Tensor gate, Tensor up) => TokenKernels.Take(gate, up) ? TokenKernels.Gate(gate, up) : silu(gate).mul(up);

    /// <summary>The gradients of gate and up, each [N, F], given that of the result, which is used up: that of up takes its place. To be called without a graph.</summary>
    public static (Tensor Gate, Tensor Up) Backward(Tensor gate, Tensor up, Tensor gradient)
    {
        if (TokenKernels.Take(gate)) return (TokenKernels.GateGradient(gate, up, gradient), gradient);
        using var scope = NewDisposeScope();
        Tensor leaf, opened;
        using (enable_grad()) opened = silu(leaf = gate.detach().requires_grad_(true));
        opened.backward([gradient.mul(up)]);
        gradient.mul_(opened.detach());
        return (leaf.grad!.MoveToOuterDisposeScope(), gradient);
    }
}
