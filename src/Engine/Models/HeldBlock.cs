using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>The weights of a block whose matrices are made whole for each run: one block of the base is whole at a time.</summary>
/// <param name="config">The decoder's shape.</param>
/// <param name="layer">Which block.</param>
/// <param name="resident">Its norms and biases, among others.</param>
/// <param name="held">Its matrices, among others.</param>
/// <param name="device">Where it is run.</param>
/// <param name="dtype">As what.</param>
internal sealed class HeldBlock(
    ModelConfig config, int layer, IReadOnlyDictionary<string, Tensor> resident, IReadOnlyDictionary<string, HeldMatrix> held, Device device, ScalarType dtype) : IBlockWeights
{
    public DecoderBlock ForRun() => DecoderBlock.From(config, layer, resident, name => held[name].Whole(device, dtype));
}
