using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>A base's weights while they come, one after another: each is held as it is to be before the next is looked at, so that the whole base never lies in full beside the narrow one. They belong to the caller's dispose scope until a <see cref="Decoder"/> takes them.</summary>
/// <param name="config">Its shape.</param>
/// <param name="holding">How its blocks' matrices are kept.</param>
/// <param name="device">Where it is computed.</param>
/// <param name="dtype">As what.</param>
internal sealed class BaseWeights(ModelConfig config, BaseHolding holding, Device device, ScalarType dtype)
{
    private readonly HashSet<string> _matrices = !holding.MakesBlocks ? [] : [.. DecoderLayout.Linears(config).Select(site => site.Path + ".weight")];
    private readonly Dictionary<string, Tensor> _resident = [];
    private readonly Dictionary<string, HeldMatrix> _held = [];

    public BaseHolding Holding => holding;

    public IReadOnlyDictionary<string, Tensor> Resident => _resident;

    public IReadOnlyDictionary<string, HeldMatrix> Held => _held;

    public bool Has(string name) => _resident.ContainsKey(name) || _held.ContainsKey(name);

    /// <param name="name">As the checkpoint has it.</param>
    /// <param name="weight">Stays the caller's, but may share its memory.</param>
    public void Add(string name, Tensor weight)
    {
        if (_matrices.Contains(name))
        {
            _held[name] = HeldMatrix.Of(weight, holding, device, dtype);
            return;
        }

        using var scope = NewDisposeScope();
        // To the device first: a narrow weight travels as it is, and the device widens it.
        _resident[name] = weight.to(device).to(dtype).alias().MoveToOuterDisposeScope();
    }
}
