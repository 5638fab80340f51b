using System.Text;
using ContinualService.Engine.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Gguf;

/// <summary>Writes GGUF version 3, the container of llama.cpp: header, metadata, tensor table, then the data, every tensor at a multiple of 32 bytes.</summary>
public static class GgufWriter
{
    /// <summary><c>general.file_type</c> of a file whose tensors are all float32.</summary>
    public const uint AllFloat32 = 0;

    private const uint Version = 3;
    private const int Alignment = 32;
    private const uint Float32 = 0;

    /// <summary>The same metadata and tensors in the same order give the same bytes.</summary>
    /// <param name="stream">Written to from its present position on; need not be seekable.</param>
    /// <param name="metadata">The key-value pairs.</param>
    /// <param name="tensors">Names and float32 tensors of any device, in the order of the file.</param>
    public static void Write(Stream stream, GgufMetadata metadata, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        if (tensors.FirstOrDefault(item => item.Tensor.dtype != ScalarType.Float32) is { Name: { } other })
            throw new ArgumentException($"Tensor {other} is not float32.", nameof(tensors));
        var header = Header(metadata, tensors);
        stream.Write(header);
        Pad(stream, header.LongLength);
        foreach (var (_, tensor) in tensors)
        {
            using var scope = NewDisposeScope();
            foreach (var part in TensorBytes.Parts(tensor.detach().cpu().contiguous())) stream.Write(part.bytes);
            Pad(stream, SizeBytes(tensor));
        }
    }

    private static byte[] Header(GgufMetadata metadata, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        using var buffer = new MemoryStream();
        using (var writer = new BinaryWriter(buffer, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write("GGUF"u8);
            writer.Write(Version);
            writer.Write((ulong)tensors.Count);
            writer.Write((ulong)metadata.Count);
            metadata.Write(writer);
            ulong offset = 0;
            foreach (var (name, tensor) in tensors)
            {
                GgufMetadata.WriteText(writer, name);
                writer.Write((uint)tensor.shape.Length);
                // Innermost first: a matrix [rows, columns] is told as columns, rows.
                foreach (var size in tensor.shape.Reverse()) writer.Write((ulong)size);
                writer.Write(Float32);
                writer.Write(offset);
                offset += (ulong)(SizeBytes(tensor) + Padding(SizeBytes(tensor)));
            }
        }

        return buffer.ToArray();
    }

    private static long SizeBytes(Tensor tensor) => tensor.NumberOfElements * sizeof(float);

    private static int Padding(long sizeBytes) => (int)((Alignment - sizeBytes % Alignment) % Alignment);

    private static void Pad(Stream stream, long sizeBytes)
    {
        Span<byte> zeros = stackalloc byte[Padding(sizeBytes)];
        zeros.Clear();
        stream.Write(zeros);
    }
}
