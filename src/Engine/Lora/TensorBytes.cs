using System.Security.Cryptography;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

internal static class TensorBytes
{
    private const long LargestPart = 1 << 27;

    /// <summary>Flat views of a contiguous CPU tensor, each short enough for a span of bytes. They belong to the caller's dispose scope.</summary>
    public static List<Tensor> Parts(Tensor tensor)
    {
        var flat = tensor.view(-1);
        var parts = new List<Tensor>();
        for (long start = 0; start < flat.shape[0]; start += LargestPart)
            parts.Add(flat.narrow(0, start, Math.Min(LargestPart, flat.shape[0] - start)));
        return parts;
    }

    /// <summary>Hashes the bytes of a tensor of any device.</summary>
    public static void AppendTo(IncrementalHash hash, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        foreach (var part in Parts(tensor.detach().cpu().contiguous())) hash.AppendData(part.bytes);
    }
}
