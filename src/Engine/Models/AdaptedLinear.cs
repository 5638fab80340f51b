using ContinualService.Engine.Lora;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>y = x W^T + b + update.</summary>
internal static class AdaptedLinear
{
    /// <summary><paramref name="x"/> [N, in] to [N, out]. Belongs to the caller's dispose scope.</summary>
    public static Tensor Apply(AttentionStep step, Tensor x, DecoderLinear layer, LinearUpdate? update)
    {
        var y = step.Multiply(x, layer); // [N, out]
        return update is null ? y : update.AddTo(y, x, layer.Site);
    }
}
