using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>
/// Independent random streams from one seed, one per purpose: drawing more from one (dropout turned on, say) moves no other, and no stream is
/// the process-wide generator, which every job shares.
/// </summary>
public sealed class SeedStreams(long seed)
{
    public const string Initialisation = "init";
    public const string Shuffle = "shuffle";
    public const string Dropout = "dropout";
    public const string Recall = "recall";

    /// <summary>The seed of one purpose: 63 bits of SHA-256 over seed and name.</summary>
    public long SeedOf(string purpose)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{seed}/{purpose}")));
        return BinaryPrimitives.ReadInt64LittleEndian(hash) & long.MaxValue;
    }

    /// <summary>A tensor generator of its own, on the CPU: TorchSharp makes no others, whatever device it is asked for. The caller disposes it.</summary>
    public Generator TensorGenerator(string purpose) => new((ulong)SeedOf(purpose), CPU);

    /// <summary>A generator of whole numbers of its own, for orders.</summary>
    public Random NumberGenerator(string purpose) => new((int)(SeedOf(purpose) & int.MaxValue));
}
