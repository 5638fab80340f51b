using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace ContinualService.EndToEnd;

/// <summary>A downloaded safetensors file, read by a reader of the test's own.</summary>
internal sealed class StateFile
{
    private readonly byte[] _bytes;
    private readonly int _data;
    private readonly JsonObject _header;

    public StateFile(byte[] bytes)
    {
        _bytes = bytes;
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        _data = 8 + length;
        _header = JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject();
    }

    /// <summary>Paths of the adapted modules.</summary>
    public IReadOnlyList<string> Modules => [.. _header.Select(entry => entry.Key).Where(name => name.StartsWith("a_ft.", StringComparison.Ordinal)).Select(name => name["a_ft.".Length..])];

    /// <summary>The tensor as rows of float32 values.</summary>
    public float[][] Rows(string name)
    {
        var entry = _header[name]!;
        if ((string?)entry["dtype"] != "F32") throw new InvalidDataException($"{name} is {entry["dtype"]}");
        var (begin, end) = ((int)entry["data_offsets"]![0]!, (int)entry["data_offsets"]![1]!);
        var values = MemoryMarshal.Cast<byte, float>(_bytes.AsSpan(_data + begin, end - begin)).ToArray();
        return [.. values.Chunk((int)entry["shape"]![1]!)];
    }
}
