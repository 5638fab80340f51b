using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Gpu;

/// <summary>The GPU of the tests, where there is one.</summary>
public static class Gpu
{
    /// <summary>Whether the tensor library was built for CUDA and finds a device.</summary>
    public static bool IsThere { get; } = cuda.is_available();

    internal static Device Device => device(DeviceType.CUDA, 0);

    /// <summary>The same weights on the GPU.</summary>
    internal static Decoder CopyOf(Decoder decoder, ScalarType dtype = ScalarType.Float32) =>
        new(decoder.Config, decoder.Weights.ToDictionary(weight => weight.Key, weight => weight.Value.to(dtype).to(Device)));

    internal static LoraWeights CopyOf(LoraWeights lora) => new([.. lora.Pairs.Select(pair => pair with { A = pair.A.to(Device), B = pair.B.to(Device) })]);
}
