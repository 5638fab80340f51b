using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>Which number format each part of the method uses, in one place.</summary>
public static class Precision
{
    /// <summary>A, B, B_merge, gradients and moments, whatever the base computes in: bf16 would lose updates a thousandth of the weight.</summary>
    public const ScalarType Master = ScalarType.Float32;

    /// <summary>What a base computes in unless somebody wants another.</summary>
    public const string Default = "float32";

    private static readonly Dictionary<string, ScalarType> Bases = new() { [Default] = ScalarType.Float32, ["bfloat16"] = ScalarType.BFloat16 };

    /// <summary>What a base computes in: weights, activations, keys and values. By its name in settings and manifests; float16 is none, because its range is too small for gradients.</summary>
    /// <exception cref="ArgumentException">There is no such one.</exception>
    public static ScalarType Base(string name) =>
        Bases.TryGetValue(name, out var type) ? type : throw new ArgumentException($"A base computes in {string.Join(" or ", Bases.Keys)}, not in '{name}'.", nameof(name));

    /// <summary>QR and merge: their rounding must stay below the masters' own, task after task.</summary>
    public const ScalarType Merge = ScalarType.Float64;
}
