using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class SpareRankTests
{
    [Fact]
    public void Of_ProductWithKnownSingularValues_GivesTheirEntropyAndShare()
    {
        using var scope = NewDisposeScope();
        // dW / 2 = diag(3, 1, 0): B M and M^-1 A for any M give the same product.
        using var head = new LoraWeights([
            new LoraPair(new LinearSite(0, "known", 4, 3), Of(3, 4, 1, -2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0), Of(3, 3, 3, 6, 0, 0, 1, 0, 0, 0, 0), 2),
            new LoraPair(new LinearSite(1, "nothing", 4, 3), Of(1, 4, 1, 2, 3, 4), zeros(3, 1), 2),
            new LoraPair(new LinearSite(2, "one", 4, 3), Of(2, 4, 1, 2, 3, 4, 2, 4, 6, 8), Of(3, 2, 1, 0, 1, 0, 1, 0), 2),
        ]);

        var layers = SpareRank.Of(head);

        Assert.Equal(["known", "nothing", "one"], layers.Select(layer => layer.Layer));
        Assert.Equal(3, layers[0].Rank);
        Assert.Equal(Math.Exp(-(0.75 * Math.Log(0.75) + 0.25 * Math.Log(0.25))), layers[0].Effective, 1e-12);
        Assert.Equal(10.0 / 9, layers[0].Stable, 1e-12);
        Assert.Equal(2 * Math.Sqrt(10), layers[0].Norm, 1e-12);
        Assert.Equal(3 - layers[0].Effective, layers[0].Spare);
        Assert.Equal((1, 0.0, 0.0, 0.0, 1.0), (layers[1].Rank, layers[1].Effective, layers[1].Stable, layers[1].Norm, layers[1].Spare));
        Assert.Equal(1, layers[2].Effective, 1e-6);
    }

    private static Tensor Of(int rows, int columns, params double[] values) => tensor(values).reshape(rows, columns).to(float32);
}
