using System.Buffers.Binary;
using System.Text.Json;
using ContinualService.Engine.Models;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>
/// The header of a safetensors file, checked before any byte of data is touched: the file is untrusted input. The entries must cover the data
/// section exactly, without gap or overlap, and the file must end with it.
/// </summary>
internal sealed record SafetensorsHeader(IReadOnlyList<SafetensorsEntry> Entries, IReadOnlyDictionary<string, string> Metadata, long DataOffset)
{
    private const int LengthBytes = 8;
    private const long LargestHeaderBytes = 100_000_000;

    public static readonly IReadOnlyDictionary<string, (ScalarType Type, int Bytes)> Types = new Dictionary<string, (ScalarType, int)>
    {
        ["F64"] = (ScalarType.Float64, 8),
        ["F32"] = (ScalarType.Float32, 4),
        ["F16"] = (ScalarType.Float16, 2),
        ["BF16"] = (ScalarType.BFloat16, 2),
        ["I64"] = (ScalarType.Int64, 8),
        ["I32"] = (ScalarType.Int32, 4),
        ["I16"] = (ScalarType.Int16, 2),
        ["I8"] = (ScalarType.Int8, 1),
        ["U8"] = (ScalarType.Byte, 1),
        ["BOOL"] = (ScalarType.Bool, 1),
    };

    /// <summary>Reads and checks the header at the start of <paramref name="stream"/>, whose length must be known.</summary>
    public static SafetensorsHeader Read(Stream stream, string path)
    {
        var fileBytes = stream.Length;
        Span<byte> prefix = stackalloc byte[LengthBytes];
        if (fileBytes < LengthBytes) throw Bad(path, "it is too short for a header");
        stream.ReadExactly(prefix);
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes > LargestHeaderBytes || (long)headerBytes > fileBytes - LengthBytes)
            throw Bad(path, $"its header claims {headerBytes} bytes, more than the file or the limit of {LargestHeaderBytes} allows");

        var json = new byte[headerBytes];
        stream.ReadExactly(json);
        if (json.Length == 0 || json[0] != (byte)'{') throw Bad(path, "its header does not start with '{'");
        var dataOffset = LengthBytes + (long)headerBytes;
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return Check(document.RootElement, path, dataOffset, fileBytes - dataOffset);
        }
        // Names that are no valid text (broken UTF-8, half a surrogate pair) pass the parser and fail when they are read.
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException($"{path} is not a valid safetensors file: its header is not valid JSON ({error.Message}).", error);
        }
    }

    private static SafetensorsHeader Check(JsonElement root, string path, long dataOffset, long dataBytes)
    {
        var entries = new List<SafetensorsEntry>();
        var metadata = new Dictionary<string, string>();
        foreach (var property in root.EnumerateObject())
        {
            if (property.Name == "__metadata__") ReadMetadata(property.Value, path, metadata);
            else entries.Add(ReadEntry(property.Name, property.Value, path, dataBytes));
        }

        long covered = 0;
        foreach (var entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.SizeBytes))
        {
            if (entry.Begin != covered) throw Bad(path, $"tensor {entry.Name} begins at byte {entry.Begin} where {covered} was due: the data has a gap or an overlap");
            covered += entry.SizeBytes;
        }

        if (covered != dataBytes) throw Bad(path, $"its tensors cover {covered} bytes of a data section of {dataBytes}");
        return new SafetensorsHeader(entries, metadata, dataOffset);
    }

    private static void ReadMetadata(JsonElement value, string path, Dictionary<string, string> metadata)
    {
        if (value.ValueKind != JsonValueKind.Object) throw Bad(path, "__metadata__ is not an object");
        foreach (var item in value.EnumerateObject())
            metadata[item.Name] = item.Value.ValueKind == JsonValueKind.String ? item.Value.GetString()! : throw Bad(path, $"__metadata__.{item.Name} is not a string");
    }

    private static SafetensorsEntry ReadEntry(string name, JsonElement value, string path, long dataBytes)
    {
        if (value.ValueKind != JsonValueKind.Object || value.GetPropertyCount() != 3
            || !value.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
            || !value.TryGetProperty("shape", out var shape) || shape.ValueKind != JsonValueKind.Array
            || !value.TryGetProperty("data_offsets", out var offsets) || offsets.ValueKind != JsonValueKind.Array || offsets.GetArrayLength() != 2)
        {
            throw Bad(path, $"tensor {name} does not consist of dtype, shape and data_offsets");
        }

        if (!Types.TryGetValue(dtype.GetString()!, out var type))
            throw Bad(path, $"tensor {name} has dtype {dtype.GetString()}; readable are {string.Join(", ", Types.Keys)}");
        long[] sizes = [.. shape.EnumerateArray().Select(size => Whole(size, name, path))];
        var (begin, end) = (Whole(offsets[0], name, path), Whole(offsets[1], name, path));
        if (begin > end || end > dataBytes) throw Bad(path, $"tensor {name} lies at bytes {begin} to {end} of a data section of {dataBytes}");
        if (Bytes(sizes, type.Bytes) != end - begin) throw Bad(path, $"tensor {name} of shape [{string.Join(", ", sizes)}] does not fill bytes {begin} to {end}");
        return new SafetensorsEntry(name, type.Type, type.Bytes, sizes, begin, end - begin);
    }

    private static long Whole(JsonElement value, string name, string path) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= 0 ? number : throw Bad(path, $"tensor {name} has a size or offset that is no whole number");

    /// <summary>Bytes of a shape, or -1 where they exceed 64 bits; a zero anywhere makes it 0, as multiplying in any order must.</summary>
    private static long Bytes(long[] shape, int itemBytes)
    {
        if (shape.Contains(0)) return 0;
        Int128 bytes = itemBytes;
        foreach (var size in shape)
        {
            bytes *= size;
            if (bytes > long.MaxValue) return -1;
        }

        return (long)bytes;
    }

    private static ModelFormatException Bad(string path, string reason) =>
        new($"{path} is not a valid safetensors file: {reason}. Download or write it again.");
}
