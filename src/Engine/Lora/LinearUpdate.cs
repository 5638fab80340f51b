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
}
