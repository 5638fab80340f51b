using System.Runtime.InteropServices;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// The forward pass of a few tokens on the CPU in float32, from the embedding to the final norm, on plain memory: between the products of one token there is so
/// little to compute that making a tensor for each intermediate result costs more than the result. It is <see cref="Decoder.HiddenPacked"/> by other means, and
/// the tests hold one against the other for every family. A token's result has the same bits whatever stands beside it. Belongs to one thread.
/// </summary>
internal sealed unsafe class ShortPass : IDisposable
{
    /// <summary>Most tokens of a pass: with more of them general products pay.</summary>
    public const int MaxTokens = CpuKernels.MaxRows;

    private static readonly TokenMath Tokens = TokenMath.Of(ScalarType.Float32)!;

    private readonly ModelConfig _config;
    private readonly CpuKernels _kernels;
    private readonly RotaryTable _rotary;
    private readonly Layer[] _layers;
    private readonly float* _embedding;
    private readonly float* _finalNorm;
    private readonly float* _memory;

    // What the tokens of the pass are at, a row each.
    private readonly float* _x; // [N, D]
    private readonly float* _normed; // [N, D]
    private readonly float* _query; // [N, H * K]
    private readonly float* _key; // [N, G * K]
    private readonly float* _value; // [N, G * K]
    private readonly float* _mixed; // [N, H * K]
    private readonly float* _gate; // [N, F]
    private readonly float* _up; // [N, F]
    private readonly Token[] _tokens = new Token[MaxTokens];
    private readonly int[] _slots = new int[MaxTokens];

    // Jobs, made once: a delegate for each of a hundred jobs would be garbage of every token.
    private readonly Action<int> _normAttention, _turn, _attend, _normForward, _gateUp, _finish;
    private Layer _layer;
    private int _index;
    private int _count;
    private float* _cos; // [positions, K / 2]
    private float* _sin;

    private readonly record struct Linear(nint Weight, nint Bias, int In, int Out, int Site)
    {
        public static Linear Of(DecoderLinear layer) =>
            new((nint)CpuKernels.Pointer(layer.Weight), layer.Bias is null ? 0 : (nint)CpuKernels.Pointer(layer.Bias), (int)layer.Weight.shape[1], (int)layer.Weight.shape[0], layer.Site);
    }

    private readonly record struct Layer(nint InputNorm, nint ForwardNorm, nint QueryNorm, nint KeyNorm, Linear Query, Linear Key, Linear Value, Linear Output, Linear Gate, Linear Up, Linear Down, int? Window);

    private readonly record struct Token(SequenceCache Cache, int Position);

    /// <param name="config">The decoder's.</param>
    /// <param name="blocks">Its blocks; their memory must outlive this, as must the other tensors'.</param>
    /// <param name="embedding">[V, D].</param>
    /// <param name="finalNorm">[D].</param>
    /// <param name="rotary">Its table.</param>
    /// <param name="kernels">Who computes.</param>
    public ShortPass(ModelConfig config, IEnumerable<DecoderBlock> blocks, Tensor embedding, Tensor finalNorm, RotaryTable rotary, CpuKernels kernels)
    {
        (_config, _rotary, _kernels) = (config, rotary, kernels);
        _layers = [.. blocks.Select(block => new Layer(
            (nint)CpuKernels.Pointer(block.InputNorm), (nint)CpuKernels.Pointer(block.PostAttentionNorm),
            block.QueryNorm is null ? 0 : (nint)CpuKernels.Pointer(block.QueryNorm), block.KeyNorm is null ? 0 : (nint)CpuKernels.Pointer(block.KeyNorm),
            Linear.Of(block.Query), Linear.Of(block.Key), Linear.Of(block.Value), Linear.Of(block.Output), Linear.Of(block.Gate), Linear.Of(block.Up), Linear.Of(block.Down), block.Window))];
        _embedding = CpuKernels.Pointer(embedding);
        _finalNorm = CpuKernels.Pointer(finalNorm);

        var (queries, keys) = (config.HeadCount * config.HeadWidth, config.KeyValueHeadCount * config.HeadWidth);
        int[] widths = [config.HiddenSize, config.HiddenSize, queries, keys, keys, queries, config.IntermediateSize, config.IntermediateSize];
        _memory = CacheLine.Allocate(widths.Sum(Buffer));
        var next = _memory;
        _x = Take(widths[0]);
        _normed = Take(widths[1]);
        _query = Take(widths[2]);
        _key = Take(widths[3]);
        _value = Take(widths[4]);
        _mixed = Take(widths[5]);
        _gate = Take(widths[6]);
        _up = Take(widths[7]);

        (_normAttention, _turn, _attend, _normForward, _gateUp, _finish) = (NormAttention, Turn, Attend, NormForward, GateUp, Finish);

        static long Buffer(int width) => CacheLine.Rounded((long)MaxTokens * width); // every one begins at a line

        float* Take(int width)
        {
            var taken = next;
            next += Buffer(width);
            return taken;
        }
    }

    /// <summary>As <see cref="Decoder.HiddenPacked"/>: to [N, D], in the caller's dispose scope; the caches have grown.</summary>
    /// <param name="batch">1 to <see cref="MaxTokens"/> tokens.</param>
    /// <param name="table">The adapters.</param>
    /// <param name="slots">Which of them each token has, -1: none; null: none has any.</param>
    public Tensor Run(PackedBatch batch, LoraTable table, int[]? slots)
    {
        // Step 1: where the tokens stand, and what they are.
        _count = batch.Count;
        if (_count > MaxTokens) throw new ArgumentException($"{_count} tokens; a short pass takes {MaxTokens}.", nameof(batch));
        var (cos, sin) = _rotary.AtLeast(batch.Longest);
        _cos = CpuKernels.Pointer(cos);
        _sin = CpuKernels.Pointer(sin);
        var width = _config.HiddenSize;
        var row = 0;
        foreach (var piece in batch.Pieces)
        {
            for (var i = 0; i < piece.Count; i++, row++)
            {
                (_tokens[row], _slots[row]) = (new Token(piece.Cache, piece.From + i), slots?[row] ?? -1);
                Copy(_embedding + (batch.IdAt(row) * width), _x + ((long)row * width), width);
            }
        }

        // Step 2: the blocks.
        var lora = slots is null ? null : table;
        for (_index = 0; _index < _layers.Length; _index++)
        {
            _layer = _layers[_index];
            _kernels.Run(_count, _normAttention);
            Multiply(_normed, _layer.Query, _query, lora);
            Multiply(_normed, _layer.Key, _key, lora);
            Multiply(_normed, _layer.Value, _value, lora);
            _kernels.Run(_count, _turn);
            _kernels.Run(_count * _config.KeyValueHeadCount, _attend);
            Multiply(_mixed, _layer.Output, _normed, lora);
            _kernels.Run(_count, _normForward);
            Multiply(_normed, _layer.Gate, _gate, lora);
            Multiply(_normed, _layer.Up, _up, lora);
            _kernels.Run(_count, _gateUp);
            Multiply(_gate, _layer.Down, _normed, lora);
            _kernels.Run(_count, _finish);
        }

        // Step 3: the final norm.
        var hidden = empty([_count, width], float32);
        var to = CpuKernels.Pointer(hidden);
        for (row = 0; row < _count; row++) Norm(_x + ((long)row * width), _finalNorm, to + ((long)row * width), width);
        Array.Clear(_tokens, 0, _count);
        batch.Advance();
        return hidden;
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);

    private void Multiply(float* x, Linear linear, float* y, LoraTable? lora)
    {
        _kernels.Linear(x, _count, linear.In, (float*)linear.Weight, (float*)linear.Bias, y, linear.Out);
        if (lora?.PointersOf(linear.Site) is not { } pointers) return;
        _kernels.AddLowRank(y, x, linear.In, linear.Out, _slots.AsMemory(0, _count), (float*)pointers.Down, (float*)pointers.Up, lora.Rank);
    }

    private void NormAttention(int row) => Norm(Row(_x, row, _config.HiddenSize), (float*)_layer.InputNorm, Row(_normed, row, _config.HiddenSize), _config.HiddenSize);

    /// <summary>Norms where the family has them, turns query and key by their position, and stores key and value: before any token of the pass looks for them.</summary>
    private void Turn(int row)
    {
        var (heads, groups, width) = (_config.HeadCount, _config.KeyValueHeadCount, _config.HeadWidth);
        var (token, half) = (_tokens[row], width / 2);
        float* cos = _cos + ((long)token.Position * half), sin = _sin + ((long)token.Position * half);
        float* query = Row(_query, row, heads * width), key = Row(_key, row, groups * width), value = Row(_value, row, groups * width);
        for (var head = 0; head < heads; head++) Turn(query + (head * width), (float*)_layer.QueryNorm, cos, sin);
        var (keys, values) = token.Cache.Pointers(_index);
        for (var group = 0; group < groups; group++)
        {
            Turn(key + (group * width), (float*)_layer.KeyNorm, cos, sin);
            var at = (((long)group * token.Cache.Capacity) + token.Position) * width;
            Copy(key + (group * width), (float*)keys + at, width);
            Copy(value + (group * width), (float*)values + at, width);
        }
    }

    private void Turn(float* head, float* norm, float* cos, float* sin)
    {
        if (norm is not null) Norm(head, norm, head, _config.HeadWidth);
        Tokens.Turn(head, cos, sin, 1, head, _config.HeadWidth / 2);
    }

    private void Attend(int part)
    {
        var (heads, groups, width) = (_config.HeadCount, _config.KeyValueHeadCount, _config.HeadWidth);
        var (row, group) = (part / groups, part % groups);
        var token = _tokens[row];
        var from = _layer.Window is { } window ? Math.Max(0, token.Position + 1 - window) : 0;
        var (keys, values) = token.Cache.Pointers(_index);
        var first = (((long)group * token.Cache.Capacity) + from) * width;
        for (var head = group * (heads / groups); head < (group + 1) * (heads / groups); head++)
            _kernels.Mix(Row(_mixed, row, heads * width) + (head * width), Row(_query, row, heads * width) + (head * width), (float*)keys + first, (float*)values + first, token.Position + 1 - from, width);
    }

    /// <summary>Adds what attention gave, and norms for the feed-forward layers.</summary>
    private void NormForward(int row)
    {
        var width = _config.HiddenSize;
        Tokens.Add(Row(_x, row, width), Row(_normed, row, width), width);
        Norm(Row(_x, row, width), (float*)_layer.ForwardNorm, Row(_normed, row, width), width);
    }

    private void GateUp(int row) => Tokens.Gate(Row(_gate, row, _config.IntermediateSize), Row(_up, row, _config.IntermediateSize), Row(_gate, row, _config.IntermediateSize), _config.IntermediateSize);

    private void Finish(int row) => Tokens.Add(Row(_x, row, _config.HiddenSize), Row(_normed, row, _config.HiddenSize), _config.HiddenSize);

    private void Norm(float* x, float* weight, float* to, int width) => Tokens.Norm(x, weight, to, width, (float)_config.RmsNormEpsilon);

    private static float* Row(float* buffer, int row, int width) => buffer + ((long)row * width);

    private static void Copy(float* from, float* to, int count) => new Span<float>(from, count).CopyTo(new Span<float>(to, count));
}
