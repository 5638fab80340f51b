using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>
/// Keys and values of the tokens seen so far, per layer [B, G, capacity, K], allocated once. Each row has its own length, so prompts of different
/// lengths share a batch: pad them on the right, run them, then <see cref="Truncate"/> each row to its own length. Belongs to one thread at a time.
/// </summary>
public sealed class KeyValueCache : IDisposable
{
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;
    private int[] _lengths;

    /// <param name="decoder">Gives shapes, dtype and device.</param>
    /// <param name="batch">B.</param>
    /// <param name="capacity">Most tokens a row can hold.</param>
    public KeyValueCache(Decoder decoder, int batch, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        Capacity = capacity;
        _lengths = new int[batch];
        var config = decoder.Config;
        // Zeros, not empty: padding is masked by weight 0, and 0 times a stray NaN is NaN.
        Tensor[] Allocate() => [.. Enumerable.Range(0, config.LayerCount).Select(_ => zeros([batch, config.KeyValueHeadCount, capacity, config.HeadWidth], decoder.DType, decoder.Device))];
        // Detached together: where memory runs out, nothing is left behind.
        using var scope = NewDisposeScope();
        (_keys, _values) = (Allocate(), Allocate());
        foreach (var tensor in _keys.Concat(_values)) tensor.DetachFromDisposeScope();
    }

    private KeyValueCache(Tensor[] keys, Tensor[] values, int[] lengths, int capacity) => (_keys, _values, _lengths, Capacity) = (keys, values, lengths, capacity);

    public int Capacity { get; }

    /// <summary>Tokens held per row.</summary>
    public IReadOnlyList<int> Lengths => _lengths;

    /// <summary>Forgets what lies beyond the given length of each row, such as the padding of a prompt.</summary>
    public void Truncate(IReadOnlyList<int> lengths)
    {
        if (lengths.Count != _lengths.Length) throw new ArgumentException($"{lengths.Count} lengths for {_lengths.Length} rows.", nameof(lengths));
        for (var row = 0; row < _lengths.Length; row++)
            if (lengths[row] < 0 || lengths[row] > _lengths[row]) throw new ArgumentException($"Row {row} holds {_lengths[row]} tokens, not {lengths[row]}.", nameof(lengths));
        _lengths = [.. lengths];
    }

    /// <summary>Keeps only these rows, in this order.</summary>
    public void Keep(IReadOnlyList<int> rows)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var index = Index(rows);
        for (var layer = 0; layer < _keys.Length; layer++)
        {
            _keys[layer] = Replace(_keys[layer], index);
            _values[layer] = Replace(_values[layer], index);
        }

        _lengths = [.. rows.Select(row => _lengths[row])];
    }

    /// <summary>So many rows from the given one on, in the same memory: what is appended to them stands here as well, once they are <see cref="Adopt">adopted</see>. To be disposed of before this one.</summary>
    internal KeyValueCache Part(int start, int count)
    {
        using var scope = NewDisposeScope();
        Tensor[] View(Tensor[] held) => [.. held.Select(tensor => tensor.narrow(0, start, count).DetachFromDisposeScope())];
        return new KeyValueCache(View(_keys), View(_values), _lengths[start..(start + count)], Capacity);
    }

    /// <summary>The rows from the given one on hold as many tokens as the part's.</summary>
    internal void Adopt(int start, KeyValueCache part) => part._lengths.CopyTo(_lengths, start);

    /// <summary>All rows hold what the first one does.</summary>
    internal void Spread()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var held in _keys.Concat(_values).Select(tensor => tensor.narrow(2, 0, _lengths[0]))) held.copy_(held.narrow(0, 0, 1).clone());
        Array.Fill(_lengths, _lengths[0]);
    }

    public void Dispose()
    {
        foreach (var tensor in _keys.Concat(_values)) tensor.Dispose();
    }

    /// <param name="batch">B.</param>
    /// <param name="length">T.</param>
    /// <param name="branches">Tokens of each of the continuations that the T tokens are, the same for all rows; null: they are one.</param>
    /// <param name="device">Of the tensors.</param>
    internal CachePlan Plan(int batch, int length, IReadOnlyList<int>? branches, Device device)
    {
        if (batch != _lengths.Length) throw new ArgumentException($"The cache holds {_lengths.Length} rows, not {batch}.", nameof(batch));
        var (shortest, longest) = (_lengths.Min(), _lengths.Max());
        if (longest + length > Capacity) throw new ArgumentException($"{longest} + {length} tokens do not fit a cache of {Capacity}.", nameof(length));
        if (shortest == longest && branches is null) return new CachePlan(shortest, length, shortest + length, null);
        var starts = tensor(_lengths.Select(start => (long)start).ToArray(), int64, device); // [B]
        var places = starts.unsqueeze(1).add(arange(length, device: device)); // [B, T]
        return new CachePlan(shortest, length, longest + length, places, branches is null ? null : Branches(branches));

        CachePlan.Branching Branches(IReadOnlyList<int> counts) => new(
            starts,
            tensor(counts.SelectMany((count, branch) => Enumerable.Repeat((long)branch, count)).ToArray(), int64, device),
            tensor(counts.SelectMany(count => Enumerable.Range(0, count).Select(step => (long)step)).ToArray(), int64, device),
            counts.Max());
    }

    /// <summary>Stores keys and values [B, G, T, K] of the new tokens and returns all, [B, G, S, K].</summary>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor key, Tensor value, CachePlan plan)
    {
        Store(_keys[layer], key, plan);
        Store(_values[layer], value, plan);
        return (_keys[layer].narrow(2, 0, plan.End), _values[layer].narrow(2, 0, plan.End));
    }

    internal void Advance(int length)
    {
        for (var row = 0; row < _lengths.Length; row++) _lengths[row] += length;
    }

    private static void Store(Tensor held, Tensor added, CachePlan plan)
    {
        if (plan.Places is null) held.narrow(2, plan.Start, plan.Length).copy_(added);
        else held.scatter_(2, plan.Places.unsqueeze(1).unsqueeze(-1).expand(added.shape), added);
    }

    private Tensor Index(IReadOnlyList<int> rows) => tensor(rows.Select(row => (long)row).ToArray(), int64, _keys[0].device);

    private static Tensor Replace(Tensor held, Tensor index)
    {
        var kept = held.index_select(0, index).DetachFromDisposeScope();
        held.Dispose();
        return kept;
    }
}
