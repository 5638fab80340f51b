using System.Buffers.Binary;
using System.Security.Cryptography;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>
/// Dropout on the input of every LoRA during training. A layer's mask follows from the key and the layer alone: a seed repeats a run, one that is cut goes on as if it had not been, and a block that is
/// run once more for its gradient drops the same.
/// </summary>
/// <param name="Probability">0 to below 1; 0 drops nothing.</param>
/// <param name="Key">Of one forward pass.</param>
public sealed record LoraDropout(double Probability, long Key)
{
    /// <summary>Zeroes values of the layer's input at random and scales up the others; <paramref name="x"/> itself at probability 0.</summary>
    internal Tensor Apply(Tensor x, int site)
    {
        if (Probability == 0) return x;
        var seed = SeedOf(site);
        using var generator = x.device_type == DeviceType.CPU ? new Generator(seed, CPU) : null;
        // TorchSharp makes generators of the CPU alone; that of another device is the whole process's.
        if (generator is null) cuda.manual_seed_all((long)(seed & long.MaxValue));
        using Scalar dropped = Probability, kept = 1 - Probability;
        var keep = rand(x.shape, float32, x.device, generator: generator).ge(dropped);
        return x.mul(keep.to(x.dtype).div_(kept));
    }

    private ulong SeedOf(int site)
    {
        Span<byte> source = stackalloc byte[sizeof(long) + sizeof(int)], hash = stackalloc byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteInt64LittleEndian(source, Key);
        BinaryPrimitives.WriteInt32LittleEndian(source[sizeof(long)..], site);
        SHA256.HashData(source, hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }
}
