using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Tests.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

/// <summary>Against products written out, and against what determinants and traces of the Gram matrices say of the angles.</summary>
public sealed class LoraDifferenceTests
{
    private readonly Random _random = new(11);

    [Fact]
    public void Of_TwoVersionsOfOtherRanks_HasTheNormsOfTheDenseProducts()
    {
        using var scope = NewDisposeScope();
        var (near, far) = (Hand.Site(7, 5), Hand.Site(4, 6, 1));
        using var first = Hand.Lora(2, (near, Random(2, 7), Random(5, 2)), (far, Random(2, 4), Random(6, 2)));
        using var second = Hand.Lora(0.5, (near, Random(4, 7), Random(5, 4)), (far, Random(4, 4), Random(6, 4)));

        var layers = LoraDifference.Of(first, second);

        Assert.Equal(["layer0", "layer1"], layers.Select(layer => layer.Layer));
        foreach (var (layer, one, other) in layers.Zip(first.Pairs, second.Pairs))
        {
            var (dense, otherDense) = (Delta(one), Delta(other));
            Assert.Equal(Dense.Norm(dense), layer.FirstNorm, 12);
            Assert.Equal(Dense.Norm(otherDense), layer.SecondNorm, 12);
            Assert.Equal(Dense.Norm(Dense.Add(otherDense, dense, -1)), layer.DifferenceNorm, 12);
            Assert.Equal((2, 2), (layer.RowAngles.Count, layer.ColumnAngles.Count));
        }
    }

    // Two products that differ in the ninth digit: from their two norms nothing of it could be told.
    [Fact]
    public void Of_NearlyTheSame_HasADifferenceThatDoesNotCancel()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Random(2, 30), Random(20, 2));
        var moved = Dense.Create(20, 2, (i, j) => (float)b[i, j]);
        moved[3, 1] = (float)(b[3, 1] * (1 + 1e-6));
        using var first = Hand.Lora(a, b);
        using var second = Hand.Lora(a, moved);

        var layer = Assert.Single(LoraDifference.Of(first, second));

        var expected = Dense.Norm(Dense.Add(Delta(second.Pairs[0]), Delta(first.Pairs[0]), -1));
        Assert.InRange(expected, 1e-8, 1e-5);
        Assert.Equal(1, layer.DifferenceNorm / expected, 6);
        Assert.Equal([0.0, 0.0], layer.RowAngles.Select(angle => Math.Round(angle, 9)));
    }

    [Fact]
    public void Of_TheSame_IsZeroThroughout()
    {
        using var scope = NewDisposeScope();
        using var lora = Hand.Lora(Random(3, 9), Random(8, 3), 1.5);

        var layer = Assert.Single(LoraDifference.Of(lora, lora));

        Assert.Equal((0.0, layer.FirstNorm), (layer.DifferenceNorm, layer.SecondNorm));
        Assert.All(layer.RowAngles.Concat(layer.ColumnAngles), angle => Assert.InRange(angle, 0, 1e-10));
    }

    // Rows (1, 0) and (cos 30, sin 30); columns at right angles.
    [Fact]
    public void Of_OneDirectionEach_HasTheAngleBetweenThem()
    {
        using var scope = NewDisposeScope();
        using var first = Hand.Lora(new double[,] { { 1, 0 } }, new double[,] { { 1 }, { 1 } });
        using var second = Hand.Lora(new double[,] { { -Math.Sqrt(3), -1 } }, new double[,] { { 2 }, { -2 } });

        var layer = Assert.Single(LoraDifference.Of(first, second));

        Assert.Equal(30, Assert.Single(layer.RowAngles), 5);
        Assert.Equal(90, Assert.Single(layer.ColumnAngles), 12);
    }

    // For two planes with bases M and N (columns): the product of the cosines is |det M^T N| / sqrt(det M^T M det N^T N), and the sum of their squares is tr((M^T M)^-1 M^T N (N^T N)^-1 N^T M).
    [Fact]
    public void Of_TwoPlanes_HasTheAnglesOfDeterminantAndTrace()
    {
        using var scope = NewDisposeScope();
        using var first = Hand.Lora(Random(2, 6), Random(5, 2));
        using var second = Hand.Lora(Random(2, 6), Random(5, 2));

        var layer = Assert.Single(LoraDifference.Of(first, second));

        AssertAngles(Dense.Transpose(Dense.From(first.Pairs[0].A)), Dense.Transpose(Dense.From(second.Pairs[0].A)), layer.RowAngles);
        AssertAngles(Dense.From(first.Pairs[0].B), Dense.From(second.Pairs[0].B), layer.ColumnAngles);

        static void AssertAngles(double[,] m, double[,] n, IReadOnlyList<double> angles)
        {
            var (mm, nn, mn) = (Dense.Mul(Dense.Transpose(m), m), Dense.Mul(Dense.Transpose(n), n), Dense.Mul(Dense.Transpose(m), n));
            var cosines = angles.Select(angle => Math.Cos(angle * Math.PI / 180)).ToList();
            Assert.True(angles[0] <= angles[1]);
            Assert.Equal(Math.Abs(Determinant(mn)) / Math.Sqrt(Determinant(mm) * Determinant(nn)), cosines[0] * cosines[1], 12);
            var product = Dense.Mul(Dense.Mul(Inverse(mm), mn), Dense.Mul(Inverse(nn), Dense.Transpose(mn)));
            Assert.Equal(product[0, 0] + product[1, 1], cosines.Sum(cosine => cosine * cosine), 12);
        }
    }

    // A plane that holds the other's line: the smaller space has one dimension, and that lies in the plane.
    [Fact]
    public void Of_ALineInAPlane_HasOneAngleOfZero()
    {
        using var scope = NewDisposeScope();
        var plane = Random(2, 6);
        var line = Dense.Create(1, 6, (_, j) => (float)(plane[0, j] + plane[1, j]));
        using var first = Hand.Lora(plane, Random(5, 2));
        using var second = Hand.Lora(line, Random(5, 1));

        Assert.InRange(Assert.Single(Assert.Single(LoraDifference.Of(first, second)).RowAngles), 0, 1e-5);
        Assert.InRange(Assert.Single(Assert.Single(LoraDifference.Of(second, first)).RowAngles), 0, 1e-5);
    }

    [Fact]
    public void Of_WhatSpansNothing_HasNoAngles()
    {
        using var scope = NewDisposeScope();
        using var closed = Hand.Lora(new double[2, 6], Random(5, 2));
        // One direction twice, but for the rounding of float32.
        var column = Random(5, 1);
        using var open = Hand.Lora(Random(2, 6), Dense.Create(5, 2, (i, j) => (float)(column[i, 0] * (j == 0 ? 1 : 3.1))));

        var layer = Assert.Single(LoraDifference.Of(closed, open));

        Assert.Equal((0.0, 0, 1), (layer.FirstNorm, layer.RowAngles.Count, layer.ColumnAngles.Count));
        Assert.Equal(layer.SecondNorm, layer.DifferenceNorm, 12);
    }

    [Fact]
    public void Of_LayersOfOneAlone_CountAsZeroInTheOther()
    {
        using var scope = NewDisposeScope();
        var (near, far) = (Hand.Site(4, 3), Hand.Site(4, 3, 1));
        using var first = Hand.Lora(1, (far, Random(1, 4), Random(3, 1)));
        using var second = Hand.Lora(1, (near, Random(1, 4), Random(3, 1)));

        var layers = LoraDifference.Of(first, second);

        Assert.Equal(["layer0", "layer1"], layers.Select(layer => layer.Layer));
        Assert.Equal((0.0, layers[0].SecondNorm), (layers[0].FirstNorm, layers[0].DifferenceNorm));
        Assert.Equal((0.0, layers[1].FirstNorm), (layers[1].SecondNorm, layers[1].DifferenceNorm));
        Assert.True(layers[0].SecondNorm > 0 && layers[1].FirstNorm > 0);
    }

    private double[,] Random(int rows, int columns) => Dense.Random(rows, columns, _random);

    private static double[,] Delta(LoraPair pair) => Dense.Scale(pair.Scale, Dense.Mul(Dense.From(pair.B), Dense.From(pair.A)));

    private static double Determinant(double[,] m) => m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0];

    private static double[,] Inverse(double[,] m)
    {
        var determinant = Determinant(m);
        return new[,] { { m[1, 1] / determinant, -m[0, 1] / determinant }, { -m[1, 0] / determinant, m[0, 0] / determinant } };
    }
}
