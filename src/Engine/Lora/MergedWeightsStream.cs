using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>
/// A safetensors file of a base, read as if the LoRA stood merged in it: W + scale B A in float32, rounded once to the file's dtype. Some rows at a
/// time, so that memory does not grow with the model. Not safe for several threads.
/// </summary>
internal sealed class MergedWeightsStream : Stream
{
    private const long BlockElements = 1 << 22;

    private readonly FileStream _file;
    private readonly SafetensorsFile _tensors;
    private readonly List<Place> _places;
    private byte[] _block = [];
    private long _blockBegin;
    private int _blockBytes;
    private long _position;

    public MergedWeightsStream(string path, LoraWeights weights)
    {
        var pairs = weights.Pairs.ToDictionary(NameOf);
        _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
        _tensors = SafetensorsFile.Open(path);
        _places =
        [
            .. _tensors.Names.Where(pairs.ContainsKey).Select(name => new Place(name, pairs[name], _tensors.BeginOf(name), _tensors.SizeBytes(name))).OrderBy(place => place.Begin),
        ];
        foreach (var place in _places) Check(path, place);
    }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => _file.Length;

    public override long Position
    {
        get => _position;
        set => _position = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value));
    }

    /// <summary>The base's tensor that a pair changes.</summary>
    public static string NameOf(LoraPair pair) => pair.Site.Path + ".weight";

    public override int Read(Span<byte> buffer)
    {
        var place = _places.FirstOrDefault(place => place.End > _position);
        var read = place is not null && _position >= place.Begin ? ReadMerged(place, buffer) : ReadBase(place?.Begin ?? Length, buffer);
        _position += read;
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    // The work is computing and reading mapped pages: there is nothing to wait for.
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return new ValueTask<int>(Read(buffer.Span));
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch { SeekOrigin.Begin => 0, SeekOrigin.Current => _position, _ => Length };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _tensors.Dispose();
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    private int ReadBase(long end, Span<byte> buffer)
    {
        if (_position >= end) return 0;
        _file.Position = _position;
        return _file.Read(buffer[..(int)Math.Min(buffer.Length, end - _position)]);
    }

    private int ReadMerged(Place place, Span<byte> buffer)
    {
        if (_position < _blockBegin || _position >= _blockBegin + _blockBytes) Merge(place);
        var from = (int)(_position - _blockBegin);
        var count = Math.Min(buffer.Length, _blockBytes - from);
        _block.AsSpan(from, count).CopyTo(buffer);
        return count;
    }

    /// <summary>Fills the block with the rows around the position.</summary>
    private void Merge(Place place)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weight = _tensors.Map(place.Name); // [out, in]
        var rowBytes = place.SizeBytes / weight.shape[0];
        var rowsPerBlock = Math.Max(1, BlockElements / weight.shape[1]);
        var first = (_position - place.Begin) / rowBytes / rowsPerBlock * rowsPerBlock;
        var rows = Math.Min(rowsPerBlock, weight.shape[0] - first);
        var delta = place.Pair.B.narrow(0, first, rows).mm(place.Pair.A).mul(place.Pair.Scale); // [rows, in], float32
        var merged = weight.narrow(0, first, rows).to(float32).add(delta).to(weight.dtype).contiguous();
        _blockBytes = checked((int)(rows * rowBytes));
        if (_block.Length < _blockBytes) _block = new byte[_blockBytes];
        merged.bytes.CopyTo(_block);
        _blockBegin = place.Begin + first * rowBytes;
    }

    private void Check(string path, Place place)
    {
        long[] expected = [place.Pair.Site.OutFeatures, place.Pair.Site.InFeatures];
        if (!_tensors.Shape(place.Name).SequenceEqual(expected))
            throw new ModelFormatException($"{path}: {place.Name} has shape [{string.Join(", ", _tensors.Shape(place.Name))}], but the adapter changes a layer of [{string.Join(", ", expected)}].");
    }

    /// <summary>A tensor that is merged; bytes of the whole file.</summary>
    private sealed record Place(string Name, LoraPair Pair, long Begin, long SizeBytes)
    {
        public long End => Begin + SizeBytes;
    }
}
