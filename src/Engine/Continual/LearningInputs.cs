using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;

namespace ContinualService.Engine.Continual;

/// <summary>Digests of what the learning of one task depends on, taken from the very things it is going to use.</summary>
internal static class LearningInputs
{
    public static TrainingInputs Of(
        Decoder decoder, IContinualMethod method, LoraConfig config, AdapterState? previous, IReadOnlyList<EncodedExample> rows, TrainingOptions options, string baseDigest) =>
        new(OptionsDigest(decoder, method, config, options), RowsDigest(rows), baseDigest, StateDigest(previous));

    // Another kind of device sums in another order and draws other dropout masks. How steps are cut is no input: memory decides it, and the checkpoint says it.
    private static string OptionsDigest(Decoder decoder, IContinualMethod method, LoraConfig config, TrainingOptions options)
    {
        var training = options with { MicroBatches = [] };
        return Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(new { Method = method.Label(), Adapter = config, Training = training, Device = decoder.Device.type.ToString(), Base = BaseOf(decoder) })));
    }

    // Where it lies is no input: the numbers are the same.
    private static string BaseOf(Decoder decoder) => decoder.DType + (decoder.Holding.Format == BaseFormat.Full ? "" : $" as {decoder.Holding.Format}");

    private static string RowsDigest(IReadOnlyList<EncodedExample> rows)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var row in rows)
        {
            hash.AppendData(BitConverter.GetBytes(row.Ids.Length));
            hash.AppendData(MemoryMarshal.AsBytes<int>(row.Ids));
            hash.AppendData(MemoryMarshal.AsBytes<int>(row.Labels));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Before the first task: the digest of nothing, which is as long as any other.</summary>
    private static string StateDigest(AdapterState? state)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        if (state is not null)
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(FormattableString.Invariant($"{state.Method.Label()} {state.TaskIndex}\n")));
            foreach (var site in state.Sites)
            {
                foreach (var tensor in state.Method.Layout(state.Config, site.Site, state.TaskIndex)) TensorBytes.AppendTo(hash, site.Tensors[tensor.Name]);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
