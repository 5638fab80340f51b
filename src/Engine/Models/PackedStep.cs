using ContinualService.Engine.Inference;
using ContinualService.Engine.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Models;

/// <summary>Tokens of many sequences in one row; each attends to its own sequence alone, whatever stands beside it.</summary>
internal sealed class PackedStep(PackedBatch batch, CpuKernels? kernels, Tensor cos, Tensor sin) : HeadsStep(1, batch.Count, cos, sin)
{
    private readonly Dictionary<(int Piece, int Reach), Tensor> _masks = [];

    /// <summary>Builds the masks in the scope of the whole pass: the layers share them, and each layer disposes its own scope.</summary>
    public void Prepare(IEnumerable<int?> windows, Device device)
    {
        var distinct = windows.Distinct().ToList();
        for (var index = 0; index < batch.Pieces.Count; index++)
        {
            var piece = batch.Pieces[index];
            foreach (var reach in distinct.Select(window => Reach(piece, window)).Distinct())
                if (NeedsMask(piece, reach)) _masks[(index, reach)] = Mask(piece, reach, device);
        }
    }

    public override Tensor Attend(Tensor query, Tensor key, Tensor value, int? window, int layer)
    {
        var mixed = query.new_empty(query.shape); // [1, H, N, K]
        if (kernels is not null) AttendSingles(mixed, query, key, value, window, layer);
        for (var index = 0; index < batch.Pieces.Count; index++)
        {
            var piece = batch.Pieces[index];
            if (kernels is not null && piece.Count == 1) continue;
            var (keys, values) = piece.Cache.Append(layer, key.narrow(2, piece.Start, piece.Count), value.narrow(2, piece.Start, piece.Count)); // [1, G, S, K]
            mixed.narrow(2, piece.Start, piece.Count).copy_(Attend(query.narrow(2, piece.Start, piece.Count), keys, values, piece, _masks.GetValueOrDefault((index, Reach(piece, window)))));
        }

        return mixed;
    }

    private void AttendSingles(Tensor mixed, Tensor query, Tensor key, Tensor value, int? window, int layer)
    {
        var singles = batch.Pieces.Where(piece => piece.Count == 1).Select(piece =>
        {
            var (keys, values) = piece.Cache.Layer(layer);
            return new CpuKernels.Row(piece.Start, keys, values, piece.Cache.Capacity, window is { } tokens ? Math.Max(0, piece.From + 1 - tokens) : 0, piece.From);
        }).ToList();
        if (singles.Count > 0) kernels!.Attend(mixed.squeeze(0), query.squeeze(0).contiguous(), key.squeeze(0).contiguous(), value.squeeze(0).contiguous(), singles);
    }

    private static Tensor Attend(Tensor query, Tensor keys, Tensor values, PackedBatch.Piece piece, Tensor? mask)
    {
        if (piece.Count > 1)
        {
            var causal = mask is null;
            return scaled_dot_product_attention(query, Expand(keys, query.shape[1]), Expand(values, query.shape[1]), mask!, is_casual: causal);
        }

        // With one token the heads of a group can stand in for its tokens: no copy of the cache per head.
        var grouped = query.reshape(1, keys.shape[1], -1, query.shape[^1]); // [1, G, H/G, K]
        return scaled_dot_product_attention(grouped, keys, values, mask!).reshape(1, -1, 1, query.shape[^1]); // [1, H, 1, K]
    }

    private static int Reach(PackedBatch.Piece piece, int? window) => window is { } tokens && tokens < piece.From + piece.Count ? tokens : int.MaxValue;

    // A sequence from its start on is plainly causal; a single token that sees everything needs nothing.
    private static bool NeedsMask(PackedBatch.Piece piece, int reach) => reach != int.MaxValue || (piece.Count > 1 && piece.From > 0);

    /// <summary>Bool [T, S]: which keys of its sequence each token of a piece sees.</summary>
    private static Tensor Mask(PackedBatch.Piece piece, int reach, Device device)
    {
        using var scope = NewDisposeScope();
        var distance = arange(piece.From, piece.From + piece.Count, device: device).unsqueeze(1).sub(arange(piece.From + piece.Count, device: device)); // [T, S]
        var seen = distance.ge(0);
        return (reach == int.MaxValue ? seen : seen.logical_and(distance.lt(reach))).MoveToOuterDisposeScope();
    }
}
