using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// One of 16 levels times a float32 scale, the largest absolute value of 64 neighbours; two levels to a byte, 4.5 bits a weight in all. The levels are the normal distribution's quantiles between -1 and 1 with
/// 0 among them (NF4: Dettmers et al. 2023, "QLoRA", arXiv 2305.14314, section 3 and appendix E; its quantisation of the scales themselves, which would save 0.4 bits, is left out). Neighbours
/// are counted along the rows and across their ends.
/// </summary>
internal sealed class NormalFloat4 : WeightFormat
{
    private const long Group = 64;
    private const float Least = 1e-30f;

    // The paper's table.
    private static readonly float[] Levels =
    [
        -1f, -0.69619280f, -0.52507305f, -0.39491749f, -0.28444138f, -0.18477343f, -0.09105004f, 0f,
        0.07958030f, 0.16093020f, 0.24611230f, 0.33791524f, 0.44070983f, 0.56261700f, 0.72295684f, 1f,
    ];

    private static readonly float[] Borders = [.. Levels.Zip(Levels.Skip(1), (below, above) => (below + above) / 2)];

    // Both levels of each of the 256 bytes, the upper four bits' first.
    private static readonly float[] Pairs = [.. Enumerable.Range(0, 256).SelectMany(code => new[] { Levels[code >> 4], Levels[code & 15] })];

    // By device, for good: made anew for each matrix it would be a copy that the device waits for.
    private static readonly ConcurrentDictionary<(DeviceType, int), Tensor> Tables = new();

    /// <summary>Half the widest gap between two levels: what a weight is off by at most, in scales.</summary>
    internal static float LargestError => Levels.Zip(Levels.Skip(1), (below, above) => (above - below) / 2).Max();

    public override long Bytes(long outFeatures, long inFeatures, long elementBytes) => (outFeatures * inFeatures + Group - 1) / Group * (Group / 2 + sizeof(float));

    public override Tensor[] Narrow(Tensor weight, ScalarType dtype)
    {
        var flat = weight.to(float32).reshape(-1);
        var over = flat.numel() % Group;
        if (over > 0) flat = cat([flat, zeros(Group - over, float32, flat.device)]);
        var groups = flat.view(-1, Group); // [G, 64]
        var scales = groups.abs().amax([1], keepdim: true).clamp_min(Least); // [G, 1]
        var codes = bucketize(groups.div(scales), tensor(Borders, device: flat.device), outInt32: true).to(uint8).view(-1, Group / 2, 2); // [G, 32, 2]
        return [codes.select(2, 0).mul(16).add_(codes.select(2, 1)), scales];
    }

    public override Tensor Widen(Tensor[] parts, long[] shape, ScalarType dtype)
    {
        var (codes, scales) = (parts[0], parts[1]); // [G, 32], [G, 1]
        var pairs = Table(codes.device).index_select(0, codes.reshape(-1).to(int32)); // [G * 32, 2]
        return pairs.view(-1, Group).mul_(scales).reshape(-1).narrow(0, 0, shape[0] * shape[1]).view(shape).to(dtype);
    }

    /// <summary>[256, 2]</summary>
    private static Tensor Table(Device device) => Tables.GetOrAdd((device.type, device.index), _ => tensor(Pairs, device: device).view(256, 2).DetachFromDisposeScope());
}
