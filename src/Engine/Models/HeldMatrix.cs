using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>A frozen matrix that lies in fewer bits, or elsewhere than where it is computed with, and is made whole for every use.</summary>
internal sealed class HeldMatrix : IDisposable
{
    private readonly WeightFormat _format;
    private readonly Tensor[] _parts;
    private readonly long[] _shape;

    private HeldMatrix(WeightFormat format, Tensor[] parts, long[] shape) => (_format, _parts, _shape) = (format, parts, shape);

    public long[] Shape => [.. _shape];

    public long Bytes => _parts.Sum(part => part.numel() * part.element_size());

    /// <summary>Belongs to the caller's dispose scope.</summary>
    /// <param name="weight">[out, in]; stays the caller's, but may share its memory.</param>
    /// <param name="holding">How it is kept.</param>
    /// <param name="device">Where it is computed with.</param>
    /// <param name="dtype">As what.</param>
    public static HeldMatrix Of(Tensor weight, BaseHolding holding, Device device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var format = WeightFormat.Of(holding.Format);
        var parts = format.Narrow(weight.to(device), dtype).Select(part => !holding.Offload ? part : device.type == DeviceType.CUDA ? part.cpu().pin_memory() : part.cpu());
        return new HeldMatrix(format, [.. parts.Select(part => part.alias().MoveToOuterDisposeScope())], weight.shape);
    }

    /// <summary>[out, in]. Belongs to the caller's dispose scope.</summary>
    public Tensor Whole(Device device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        // From pinned memory the copy waits for no earlier work of the device.
        Tensor[] here = [.. _parts.Select(part => part.to(device, non_blocking: true))];
        return _format.Widen(here, _shape, dtype).alias().MoveToOuterDisposeScope();
    }

    public void DetachFromDisposeScope()
    {
        foreach (var part in _parts) part.DetachFromDisposeScope();
    }

    public void Dispose()
    {
        foreach (var part in _parts) part.Dispose();
    }
}
