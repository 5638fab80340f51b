using ContinualService.Engine.Lora;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Models;

/// <summary>y = x W^T + b + update.</summary>
internal static class AdaptedLinear
{
    /// <summary><paramref name="x"/> [N, in] to [N, out]. Belongs to the caller's dispose scope.</summary>
    public static Tensor Apply(Tensor x, DecoderLinear layer, LinearUpdate? update)
    {
        var y = linear(x, layer.Weight, layer.Bias); // [N, out]
        return update is null ? y : update.AddTo(y, x, layer.Site);
    }
}
