using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>Keys and values of one sequence's tokens, per layer [1, G, capacity, K]; grows on demand. Belongs to one thread at a time.</summary>
public sealed class SequenceCache : IDisposable
{
    private readonly Decoder _decoder;
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;
    private readonly (nint Keys, nint Values)[] _pointers; // where there are kernels that want them

    public SequenceCache(Decoder decoder)
    {
        _decoder = decoder;
        _keys = new Tensor[decoder.Config.LayerCount];
        _values = new Tensor[decoder.Config.LayerCount];
        _pointers = new (nint, nint)[CpuKernels.CanRun(decoder) ? _keys.Length : 0];
    }

    /// <summary>Tokens held.</summary>
    public int Length { get; private set; }

    /// <summary>Tokens there is room for.</summary>
    public int Capacity { get; private set; }

    /// <summary>Bytes that a token takes in all layers together.</summary>
    public static long BytesPerToken(Decoder decoder) =>
        2L * decoder.Config.LayerCount * decoder.Config.KeyValueHeadCount * decoder.Config.HeadWidth * decoder.DType.ElementSize();

    /// <summary>Makes room for <paramref name="capacity"/> tokens; what is held stays.</summary>
    public void Reserve(int capacity)
    {
        if (capacity <= Capacity) return;
        using var noGrad = no_grad();
        for (var layer = 0; layer < _keys.Length; layer++)
        {
            _keys[layer] = Grown(_keys[layer], capacity);
            _values[layer] = Grown(_values[layer], capacity);
            if (_pointers.Length > 0) _pointers[layer] = (CpuKernels.Address(_keys[layer]), CpuKernels.Address(_values[layer]));
        }

        Capacity = capacity;
    }

    /// <summary>Takes over the first <paramref name="length"/> tokens of <paramref name="donor"/>; this one must be empty and have the room.</summary>
    public void CopyFrom(SequenceCache donor, int length)
    {
        if (Length != 0) throw new InvalidOperationException("Only an empty cache takes over another one's tokens.");
        if (length > donor.Length || length > Capacity)
            throw new ArgumentOutOfRangeException(nameof(length), length, $"The donor holds {donor.Length} tokens and there is room for {Capacity}.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        for (var layer = 0; layer < _keys.Length; layer++)
        {
            _keys[layer].narrow(2, 0, length).copy_(donor._keys[layer].narrow(2, 0, length));
            _values[layer].narrow(2, 0, length).copy_(donor._values[layer].narrow(2, 0, length));
        }

        Length = length;
    }

    public void Dispose()
    {
        if (Capacity == 0) return;
        foreach (var tensor in _keys.Concat(_values)) tensor.Dispose();
        Capacity = Length = 0;
    }

    /// <summary>Stores keys and values [1, G, T, K] behind what is held and returns all, [1, G, S, K]; <see cref="Advance"/> makes it last.</summary>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor key, Tensor value)
    {
        var added = key.shape[2];
        _keys[layer].narrow(2, Length, added).copy_(key);
        _values[layer].narrow(2, Length, added).copy_(value);
        return (_keys[layer].narrow(2, 0, Length + added), _values[layer].narrow(2, 0, Length + added));
    }

    /// <summary>The whole memory of a layer, each [1, G, capacity, K].</summary>
    internal (Tensor Keys, Tensor Values) Layer(int layer) => (_keys[layer], _values[layer]);

    /// <summary>Where the memory of a layer begins; for <see cref="CpuKernels"/>.</summary>
    internal (nint Keys, nint Values) Pointers(int layer) => _pointers[layer];

    internal void Advance(int tokens) => Length += tokens;

    private Tensor Grown(Tensor? held, int capacity)
    {
        using var scope = NewDisposeScope();
        var grown = empty([1, _decoder.Config.KeyValueHeadCount, capacity, _decoder.Config.HeadWidth], _decoder.DType, _decoder.Device);
        if (held is not null)
        {
            grown.narrow(2, 0, Length).copy_(held.narrow(2, 0, Length));
            held.Dispose();
        }

        return grown.DetachFromDisposeScope();
    }
}
