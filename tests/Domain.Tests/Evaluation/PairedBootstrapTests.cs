using ContinualService.Domain.Evaluation;
using Xunit;

namespace ContinualService.Domain.Tests.Evaluation;

public sealed class PairedBootstrapTests
{
    private static readonly double[] Differences = [0.5, -0.25, 1.0, 0.125];
    private static readonly double[] Weights = [1, 2, 3, 4];

    [Fact]
    public void Draw_FourRows_IsDistributedAsAllTheirResamplesAre()
    {
        // All 4^4 resamples, each as likely as the others, by the definition.
        List<double> all = [];
        for (var code = 0; code < 256; code++)
        {
            int[] rows = [code % 4, code / 4 % 4, code / 16 % 4, code / 64];
            all.Add(rows.Sum(row => Weights[row] * Differences[row]) / rows.Sum(row => Weights[row]));
        }

        var drawn = PairedBootstrap.Draw(Differences, Weights, 5);

        Assert.Equal(10_000, drawn.Length);
        foreach (var value in all.Distinct())
            Assert.InRange(drawn.Count(mean => mean <= value + 1e-12) / 10_000.0 - all.Count(mean => mean <= value + 1e-12) / 256.0, -0.015, 0.015);
    }

    [Fact]
    public void Draw_KnownRows_GivesTheNumbersOfAnotherProgram()
    {
        // The generator and the resampling written once more, in Python.
        double[] weights = [1, 2, 3, 4, 5, 6];
        double[] differences = [0.5, -0.25, 1.0, 0.125, 0.0, 2.0];

        var drawn = PairedBootstrap.Draw(differences, weights, 3);

        Assert.Equal((0.08823529411764706, 1.1428571428571428), (drawn[0], drawn[^1]));
        Assert.Equal((0.0, 1.52), PairedBootstrap.Interval(drawn, 0.95));
        Assert.Equal(0.7380952380952381, PairedBootstrap.Mean(differences, weights), 15);
        Assert.Equal(drawn, PairedBootstrap.Draw(differences, weights, 3));
        Assert.NotEqual(drawn, PairedBootstrap.Draw(differences, weights, 4));
    }

    [Theory]
    [InlineData(0.95, 3, 13)]
    [InlineData(0.9, 4, 12)]
    public void Interval_OfRightOrWrong_HasTheQuantilesOfTheBinomial(double confidence, int low, int high)
    {
        // 8 of 40 rows lost: a resample loses Binomial(40, 0.2) of them.
        var (cumulative, probability, quantiles) = (0.0, Math.Pow(0.8, 40), new List<int>());
        for (var lost = 0; lost <= 40; probability *= (40.0 - lost) / (lost + 1) * 0.25, lost++)
        {
            var before = cumulative;
            cumulative += probability;
            foreach (var edge in new[] { (1 - confidence) / 2, (1 + confidence) / 2 })
                if (before < edge && cumulative >= edge) quantiles.Add(lost);
        }

        Assert.Equal([low, high], quantiles);
        double[] differences = [.. Enumerable.Repeat(1.0, 8), .. Enumerable.Repeat(0.0, 32)];
        Assert.Equal((low / 40.0, high / 40.0), PairedBootstrap.Interval(PairedBootstrap.Draw(differences, null, 1), confidence));
    }

    [Theory]
    [InlineData(0.95, 251, 9750)]
    [InlineData(0.9, 501, 9500)]
    [InlineData(0.999, 6, 9995)]
    public void Interval_LeavesOutAsManyBelowAsAbove(double confidence, double low, double high) =>
        Assert.Equal((low, high), PairedBootstrap.Interval(Enumerable.Range(1, 10_000).Reverse().Select(number => (double)number), confidence));
}
