using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class RowSpaceTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1e-4)]
    [InlineData(37.5)]
    [InlineData(89.999)]
    [InlineData(90)]
    public void LargestAngle_PlaneTurnedByAnAngle_IsThatAngle(double degrees)
    {
        using var scope = NewDisposeScope();
        var (sine, cosine) = Math.SinCos(degrees * Math.PI / 180);
        // The plane of e1 and e2, and the one of e1 and e2 turned towards e3; mixed rows span the same.
        var one = Matrix(2, 4, 1, 2, 0, 0, -3, 1, 0, 0);
        var other = Matrix(2, 4, 2, cosine, sine, 0, 1, -cosine, -sine, 0);

        // What float32 does to the entries moves an angle by up to 1e-5 degrees.
        Assert.Equal(degrees, RowSpace.LargestAngle(one, other)!.Value, 2e-5);
        Assert.Equal(degrees, RowSpace.LargestAngle(other, one)!.Value, 2e-5);
    }

    [Fact]
    public void LargestAngle_RandomSpaces_IsWhatTheirProjectorsSay()
    {
        using var scope = NewDisposeScope();
        var random = new Random(3);
        var (one, other) = (Dense.Random(3, 8, random), Dense.Random(3, 8, random));

        // For spaces of one dimension, the largest singular value of P1 - P2 is the sine of the angle.
        var difference = Dense.Add(Dense.Projector(one), Dense.Projector(other), -1);
        var sine = Math.Sqrt(LargestEigenvalue(Dense.Mul(difference, Dense.Transpose(difference))));
        Assert.Equal(Math.Asin(sine) * 180 / Math.PI, RowSpace.LargestAngle(Of(one), Of(other))!.Value, 1e-4);
    }

    [Fact]
    public void LargestAngle_OfMoreAndOfFewerDimensions_IsHowFarTheSmallerLeansOut()
    {
        using var scope = NewDisposeScope();
        var plane = Matrix(2, 3, 1, 0, 0, 0, 1, 0);

        Assert.Equal(0, RowSpace.LargestAngle(plane, Matrix(1, 3, 1, 2, 0))!.Value, 1e-6);
        Assert.Equal(45, RowSpace.LargestAngle(Matrix(1, 3, 1, 0, 1), plane)!.Value, 1e-5);
        // Rows that say the same twice, or nothing, are not counted.
        Assert.Equal(0, RowSpace.LargestAngle(plane, Matrix(3, 3, 1, 2, 0, 2, 4, 0, 0, 0, 0))!.Value, 1e-6);
        Assert.Null(RowSpace.LargestAngle(plane, zeros(2, 3)));
    }

    [Fact]
    public void LargestAngle_OfAdapters_NamesTheLayer()
    {
        using var scope = NewDisposeScope();
        LinearSite first = new(0, "one", 3, 2), second = new(1, "two", 3, 2);
        using var before = new LoraWeights([Pair(first, 1, 0, 0), Pair(second, 1, 0, 0)]);
        using var now = new LoraWeights([Pair(first, 1, 0.1, 0), Pair(second, 1, 1, 0)]);

        var (degrees, layer) = RowSpace.LargestAngle(before, now)!.Value;

        Assert.Equal(45, degrees, 1e-5);
        Assert.Equal(second, layer);

        static LoraPair Pair(LinearSite site, params double[] a) => new(site, Matrix(1, 3, a), zeros(2, 1), 1);
    }

    private static Tensor Matrix(int rows, int columns, params double[] values) => Of(Dense.Of(values, rows, columns));

    private static Tensor Of(double[,] matrix) => tensor(Dense.Flat(matrix)).reshape(matrix.GetLength(0), matrix.GetLength(1)).to(float32);

    private static double LargestEigenvalue(double[,] symmetric)
    {
        var vector = Dense.Create(symmetric.GetLength(0), 1, (i, _) => 1 + 0.1 * i);
        for (var turn = 0; turn < 2000; turn++)
        {
            vector = Dense.Mul(symmetric, vector);
            vector = Dense.Scale(1 / Dense.Norm(vector), vector);
        }

        return Dense.Norm(Dense.Mul(symmetric, vector));
    }
}
