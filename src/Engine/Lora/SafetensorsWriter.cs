using System.Buffers.Binary;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>Writes safetensors: entries by descending item size, then name, so that the same tensors always give the same bytes.</summary>
public static class SafetensorsWriter
{
    private const int Alignment = 8;

    /// <summary>Writes the file beside its final name, flushes it to the disk and renames it, so that no reader ever sees half of it, even after a power cut.</summary>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var partial = path + ".partial";
        try
        {
            using (var stream = File.Create(partial))
            {
                Write(stream, tensors, metadata);
                stream.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch (IOException)
        {
            // A full disk must not stay full of halves.
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>Tensors of any device; <c>"format": "pt"</c> is added to the metadata where it is absent.</summary>
    public static void Write(Stream stream, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = tensors.Select(item => (Name: item.Key, Tensor: item.Value, Type: TypeOf(item.Key, item.Value)))
            .OrderByDescending(item => item.Type.Bytes).ThenBy(item => item.Name, StringComparer.Ordinal).ToList();
        var header = Header(ordered, metadata);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var (_, tensor, _) in ordered)
        {
            using var scope = NewDisposeScope();
            foreach (var part in TensorBytes.Parts(tensor.detach().cpu().contiguous())) stream.Write(part.bytes);
        }
    }

    private static byte[] Header(List<(string Name, Tensor Tensor, (string Name, int Bytes) Type)> ordered, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            var facts = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt" };
            foreach (var (key, value) in metadata ?? new Dictionary<string, string>()) facts[key] = value;
            foreach (var (key, value) in facts) json.WriteString(key, value);
            json.WriteEndObject();
            long begin = 0;
            foreach (var (name, tensor, type) in ordered)
            {
                var end = begin + tensor.NumberOfElements * type.Bytes;
                json.WriteStartObject(name);
                json.WriteString("dtype", type.Name);
                WriteNumbers(json, "shape", tensor.shape);
                WriteNumbers(json, "data_offsets", [begin, end]);
                json.WriteEndObject();
                begin = end;
            }

            json.WriteEndObject();
        }

        while (buffer.Length % Alignment != 0) buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, long[] numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers) json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    private static (string Name, int Bytes) TypeOf(string name, Tensor tensor)
    {
        foreach (var (type, value) in SafetensorsHeader.Types)
            if (value.Type == tensor.dtype) return (type, value.Bytes);
        throw new ArgumentException($"Tensor {name} has dtype {tensor.dtype}, which safetensors files do not hold.", nameof(tensor));
    }
}
