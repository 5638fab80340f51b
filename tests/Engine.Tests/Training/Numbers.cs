using ContinualService.Engine.Lora;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

/// <summary>Tensors as plain numbers, and comparisons of them.</summary>
internal static class Numbers
{
    public static float[] Of(Tensor tensor) => tensor.detach().cpu().contiguous().data<float>().ToArray();

    /// <summary>All A and B one after another.</summary>
    public static float[] Of(LoraWeights lora) => [.. lora.Pairs.SelectMany(pair => Of(pair.A).Concat(Of(pair.B)))];

    /// <summary>The L2 norm of the difference is at most <paramref name="tolerance"/> of the expected norm.</summary>
    public static void AssertClose(IReadOnlyList<double> expected, IReadOnlyList<double> actual, double tolerance, string what)
    {
        Assert.Equal(expected.Count, actual.Count);
        var norm = Math.Sqrt(expected.Sum(value => value * value));
        var difference = Math.Sqrt(expected.Zip(actual).Sum(pair => (pair.First - pair.Second) * (pair.First - pair.Second)));
        Assert.True(difference <= tolerance * norm, FormattableString.Invariant($"{what}: differs by {difference:G4} where the norm is {norm:G4}."));
    }

    public static void AssertClose(IReadOnlyList<double> expected, IEnumerable<float> actual, double tolerance, string what) =>
        AssertClose(expected, actual.Select(value => (double)value).ToList(), tolerance, what);
}
