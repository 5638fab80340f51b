using System.Buffers;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// Causal attention of sequences that lie one after another, and its gradients, for training and scoring on a CPU, without a graph. libtorch's own takes up to three times as long there (docs/performance.md). Sequences and key heads are shared out among as many
/// threads as libtorch would take; a result has the same bits however many these are. Tensors in float32 or bfloat16; results belong to the caller's dispose scope.
/// </summary>
/// <param name="lengths">Tokens of each sequence, in their order; sum N.</param>
internal sealed unsafe class RowAttention(IReadOnlyList<int> lengths)
{
    private readonly int[] _lengths = [.. lengths];
    private readonly int[] _starts = Starts(lengths);

    /// <summary>What is done for one sequence and key head.</summary>
    private interface IPass
    {
        /// <summary>Numbers that it computes in.</summary>
        long Room(int length);

        /// <summary>For the sequence that begins with this token.</summary>
        void Run(int length, int token, int head, float* room);
    }

    private readonly struct ForwardPass(AttentionMath math, AttentionShape shape, Heads query, Heads key, Heads value, Heads mixed) : IPass
    {
        public long Room(int length) => math.ForwardRoom(length, shape.Width);

        public void Run(int length, int token, int head, float* room) =>
            math.Forward(shape, length, query.At(token, head), key.At(token, head), value.At(token, head), mixed.At(token, head), room);
    }

    private readonly struct BackwardPass(AttentionMath math, AttentionShape shape, Heads query, Heads key, Heads value, Heads ofMixed, Heads ofQuery, Heads ofKey, Heads ofValue) : IPass
    {
        public long Room(int length) => math.BackwardRoom(length, shape.Width);

        public void Run(int length, int token, int head, float* room) => math.Backward(
            shape, length, query.At(token, head), key.At(token, head), value.At(token, head), ofMixed.At(token, head), ofQuery.At(token, head), ofKey.At(token, head), ofValue.At(token, head), room);
    }

    private readonly struct EachHead<TPass>(TPass pass, int[] lengths, int[] starts, int keyHeads) : IJob
        where TPass : struct, IPass
    {
        public void Run(int from, int to)
        {
            var longest = 0;
            for (var row = from / keyHeads; row <= (to - 1) / keyHeads; row++) longest = Math.Max(longest, lengths[row]);
            var rented = ArrayPool<float>.Shared.Rent(checked((int)(pass.Room(longest) + CacheLine.Floats)));
            fixed (float* start = rented)
            {
                var room = CacheLine.After(start);
                for (var each = from; each < to; each++) pass.Run(lengths[each / keyHeads], starts[each / keyHeads], each % keyHeads, room);
            }

            ArrayPool<float>.Shared.Return(rented);
        }
    }

    /// <summary>A tensor's memory, [N, heads * K].</summary>
    /// <param name="start">Of it.</param>
    /// <param name="token">Bytes of one token.</param>
    /// <param name="head">Bytes of what belongs to one key head.</param>
    private readonly struct Heads(byte* start, long token, long head)
    {
        public static Heads Of(Tensor tensor, int keyHeads)
        {
            var token = tensor.size(1) * tensor.element_size();
            return new Heads((byte*)TensorMemory.Of(tensor), token, token / keyHeads);
        }

        public void* At(int ofToken, int ofHead) => start + (ofToken * token) + (ofHead * head);
    }

    /// <summary>How many float32 numbers a thread computes in, counted for the widest registers.</summary>
    /// <param name="config">How many heads, and how wide.</param>
    /// <param name="longest">Tokens of the longest sequence.</param>
    public static long Room(ModelConfig config, int longest) => AttentionMath.Widest.BackwardRoom(longest, config.HeadWidth) + CacheLine.Floats;

    /// <summary>Softmax of query times key, times value.</summary>
    /// <param name="config">How many heads, and how wide.</param>
    /// <param name="query">[N, H*K].</param>
    /// <param name="key">[N, G*K], each head for H / G neighbouring query heads.</param>
    /// <param name="value">As <paramref name="key"/>.</param>
    /// <param name="window">A token sees this many keys, its own included; null: all before it.</param>
    /// <returns>[N, H*K].</returns>
    public Tensor Forward(ModelConfig config, Tensor query, Tensor key, Tensor value, int? window)
    {
        var mixed = empty_like(query);
        var heads = config.KeyValueHeadCount;
        Run(config, new ForwardPass(AttentionMath.Of(query.dtype)!, Shape(config, window), Heads.Of(query, heads), Heads.Of(key, heads), Heads.Of(value, heads), Heads.Of(mixed, heads)));
        TensorMemory.KeepAlive(query, key, value);
        return mixed;
    }

    /// <summary>The gradients of what <see cref="Forward"/> was given, from that of what it gave, [N, H*K].</summary>
    public (Tensor Query, Tensor Key, Tensor Value) Backward(ModelConfig config, Tensor query, Tensor key, Tensor value, Tensor gradient, int? window)
    {
        var (ofQuery, ofKey, ofValue) = (empty_like(query), empty_like(key), empty_like(value));
        var heads = config.KeyValueHeadCount;
        Run(
            config,
            new BackwardPass(
                AttentionMath.Of(query.dtype)!, Shape(config, window), Heads.Of(query, heads), Heads.Of(key, heads), Heads.Of(value, heads), Heads.Of(gradient, heads),
                Heads.Of(ofQuery, heads), Heads.Of(ofKey, heads), Heads.Of(ofValue, heads)));
        TensorMemory.KeepAlive(query, key, value, gradient);
        return (ofQuery, ofKey, ofValue);
    }

    private static AttentionShape Shape(ModelConfig config, int? window) => new(
        config.HeadCount / config.KeyValueHeadCount, config.HeadCount * config.HeadWidth, config.KeyValueHeadCount * config.HeadWidth, config.HeadWidth, 1 / MathF.Sqrt(config.HeadWidth), window ?? int.MaxValue);

    private static int[] Starts(IReadOnlyList<int> lengths)
    {
        var starts = new int[lengths.Count];
        for (var row = 1; row < starts.Length; row++) starts[row] = starts[row - 1] + lengths[row - 1];
        return starts;
    }

    private void Run<TPass>(ModelConfig config, TPass pass)
        where TPass : struct, IPass
    {
        var scores = 0L;
        foreach (var length in _lengths) scores += (long)length * length;
        SharedJob.Run(new EachHead<TPass>(pass, _lengths, _starts, config.KeyValueHeadCount), _lengths.Length * config.KeyValueHeadCount, scores * config.HeadCount);
    }
}
