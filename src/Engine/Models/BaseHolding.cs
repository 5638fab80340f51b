using ContinualService.Domain;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// How a frozen base lies in memory while it is trained on. In 8 or 4 bits, and elsewhere than on the device, are only the matrices of its blocks, between the runs of their block; norms, biases, embedding and head
/// are always whole and on the device: they are little, and their errors reach every token.
/// </summary>
/// <param name="Format">In what numbers.</param>
/// <param name="Offload">In the host's memory, from where each block's are copied to the device when the block is run. On a CPU that is the mapped file, which the system may drop from memory and read again.</param>
public sealed record BaseHolding(BaseFormat Format, bool Offload)
{
    private const string Offloaded = "+offload";

    /// <summary>As they are computed with, on the device.</summary>
    public static readonly BaseHolding Resident = new(BaseFormat.Full, false);

    /// <summary>Whether the blocks' matrices lie in fewer bits than those they are computed with.</summary>
    public bool IsNarrow => Format is BaseFormat.Int8 or BaseFormat.Int4;

    /// <summary>Whether a block's matrices are made when it is run, forward or backward (<see cref="TrainedBlock"/>), and gone after it.</summary>
    public bool MakesBlocks => Offload || IsNarrow;

    /// <summary>What is computed in, activations among it.</summary>
    /// <param name="precision">What the base is scored and served in.</param>
    public ScalarType ComputesIn(ScalarType precision) => Format == BaseFormat.Bfloat16 ? ScalarType.BFloat16 : precision;

    /// <summary>The base in full where this one lies: what is served is scored.</summary>
    public BaseHolding InFull() => this with { Format = BaseFormat.Full };

    /// <summary><c>full</c>, <c>bfloat16</c>, <c>int8</c>, <c>int4+offload</c>.</summary>
    public string Write() => WireName.Of(Format) + (Offload ? Offloaded : "");

    /// <summary>What <see cref="Write"/> wrote.</summary>
    public static BaseHolding Read(string text)
    {
        var offload = text.EndsWith(Offloaded, StringComparison.Ordinal);
        var format = offload ? text[..^Offloaded.Length] : text;
        return new BaseHolding(WireName.Parse<BaseFormat>(format) ?? throw new FormatException($"'{text}' is no way to hold a base."), offload);
    }
}
