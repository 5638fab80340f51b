using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// The rotations of positions as matrices, so that one batched product turns all heads. Nearly all of their entries are 0, but a GPU's tensor cores multiply faster
/// than its memory takes the five passes of the plain formula (docs/performance.md). Each result has two products, summed in float32 and rounded once.
/// </summary>
internal static class RotationMatrices
{
    /// <summary>From <paramref name="cos"/> and <paramref name="sin"/> [T, K/2] to [B*T, K, K]: x [B*T, H, K] times it is x turned. The rows of the batch begin at the same position.</summary>
    public static Tensor Of(Tensor cos, Tensor sin, int batch, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var (length, half) = (cos.shape[0], cos.shape[1]);
        var one = zeros([length, 2 * half, 2 * half], dtype, cos.device);
        one.diagonal(0, 1, 2).copy_(cat([cos, cos], -1));
        one.diagonal(half, 1, 2).copy_(sin); // from the first half into the second
        one.diagonal(-half, 1, 2).copy_(sin.neg());
        return one.unsqueeze(0).expand(batch, length, 2 * half, 2 * half).reshape(batch * length, 2 * half, 2 * half).MoveToOuterDisposeScope();
    }
}
