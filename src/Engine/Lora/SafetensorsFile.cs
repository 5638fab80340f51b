using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>An open safetensors file. The data is memory-mapped: only tensors that are asked for cost memory.</summary>
public sealed class SafetensorsFile : IDisposable
{
    private readonly string _path;
    private readonly long _fileBytes;
    private readonly SafetensorsHeader _header;
    private readonly Dictionary<string, SafetensorsEntry> _entries;
    private readonly Dictionary<ScalarType, Tensor> _mappings = [];

    private SafetensorsFile(string path, long fileBytes, SafetensorsHeader header)
    {
        _path = path;
        _fileBytes = fileBytes;
        _header = header;
        _entries = header.Entries.ToDictionary(entry => entry.Name);
        Names = [.. _entries.Keys.Order(StringComparer.Ordinal)];
    }

    public IReadOnlyList<string> Names { get; }

    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Checks the whole header; no data is read yet.</summary>
    /// <exception cref="ModelFormatException">The file breaks the format in any way.</exception>
    public static SafetensorsFile Open(string path)
    {
        if (!File.Exists(path)) throw new ModelFormatException($"{path} does not exist.");
        using var stream = File.OpenRead(path);
        return new SafetensorsFile(path, stream.Length, SafetensorsHeader.Read(stream, path));
    }

    public bool Contains(string name) => _entries.ContainsKey(name);

    public long[] Shape(string name) => [.. Entry(name).Shape];

    public ScalarType DType(string name) => Entry(name).DType;

    /// <summary>Where the tensor's first byte stands in the file.</summary>
    internal long BeginOf(string name) => _header.DataOffset + Entry(name).Begin;

    internal long SizeBytes(string name) => Entry(name).SizeBytes;

    /// <summary>A CPU tensor with memory of its own, in the file's dtype.</summary>
    public Tensor Read(string name)
    {
        using var scope = NewDisposeScope();
        return Map(name).clone().MoveToOuterDisposeScope();
    }

    /// <summary>A CPU tensor in the file's dtype that shares the mapped pages where their alignment allows. The file must not be shortened while it lives.</summary>
    public Tensor Map(string name)
    {
        using var scope = NewDisposeScope();
        var entry = Entry(name);
        if (entry.SizeBytes == 0) return zeros(entry.Shape, entry.DType).MoveToOuterDisposeScope();
        var begin = _header.DataOffset + entry.Begin;
        if (begin % entry.ItemBytes != 0) return Copy(entry, begin).MoveToOuterDisposeScope();
        return Mapping(entry).narrow(0, begin / entry.ItemBytes, entry.SizeBytes / entry.ItemBytes).view(entry.Shape).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var mapping in _mappings.Values) mapping.Dispose();
        _mappings.Clear();
    }

    private Tensor Mapping(SafetensorsEntry entry)
    {
        lock (_mappings)
        {
            if (_mappings.TryGetValue(entry.DType, out var mapping)) return mapping;
            mapping = from_file(_path, shared: false, _fileBytes / entry.ItemBytes, entry.DType).DetachFromDisposeScope();
            return _mappings[entry.DType] = mapping;
        }
    }

    /// <summary>A header whose length is no multiple of 8 leaves wide types unaligned: their bytes are copied.</summary>
    private Tensor Copy(SafetensorsEntry entry, long begin)
    {
        var tensor = empty(entry.Shape, entry.DType);
        using var file = File.OpenHandle(_path);
        foreach (var part in TensorBytes.Parts(tensor))
        {
            var target = part.bytes;
            for (var read = 0; read < target.Length;)
            {
                var count = RandomAccess.Read(file, target[read..], begin + read);
                if (count == 0) throw new ModelFormatException($"{_path} became shorter while it was read.");
                read += count;
            }

            begin += target.Length;
        }

        return tensor;
    }

    private SafetensorsEntry Entry(string name) => _entries.TryGetValue(name, out var entry) ? entry : throw new ModelFormatException($"{_path} holds no tensor {name}.");
}
