using ContinualService.Engine.Inference;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>What every layer's attention shares in one forward pass.</summary>
/// <param name="Batch">B.</param>
/// <param name="Length">T, the tokens of this call.</param>
/// <param name="Cos">float32 [T, K/2], or [B, 1, T, K/2] where rows stand at different positions.</param>
/// <param name="Sin">As <paramref name="Cos"/>.</param>
/// <param name="Cache">Keys and values of earlier tokens; null in training.</param>
/// <param name="Plan">Where this call's tokens go in the cache; null without one.</param>
internal sealed record AttentionStep(int Batch, int Length, Tensor Cos, Tensor Sin, KeyValueCache? Cache, CachePlan? Plan);
