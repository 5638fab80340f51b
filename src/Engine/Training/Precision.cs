using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>Which number format each part of the method uses, in one place.</summary>
public static class Precision
{
    /// <summary>A, B, B_merge, gradients and moments, whatever the base computes in: bf16 would lose updates a thousandth of the weight.</summary>
    public const ScalarType Master = ScalarType.Float32;

    /// <summary>QR and merge: their rounding must stay below the masters' own, task after task.</summary>
    public const ScalarType Merge = ScalarType.Float64;
}
