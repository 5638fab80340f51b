using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Lora;

public sealed class LoraMixtureTests
{
    private static readonly LoraConfig Plain = new(4, 6, ["q_proj", "v_proj", "down_proj"]);

    [Fact]
    public void Of_LorasOfSeveralRanksAndScales_ComputesTheBaseWithTheWeightedSumOfTheirChanges()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var decoder = TinyModels.Create();
        // The second has the rank of three pairs side by side, the third another scale.
        LoraConfig[] shapes = [Plain, Plain.Stacked(3), Plain with { Alpha = 10 }];
        double[] weights = [0.3, -0.5, 1.7];
        var loras = shapes.Select((shape, index) => TinyModels.CreateLora(decoder, shape, seed: 20 + index)).ToList();
        var dense = decoder.Weights.ToDictionary(weight => weight.Key, weight => weight.Value.to(float64));
        foreach (var (lora, weight) in loras.Zip(weights))
            foreach (var pair in lora.Pairs) dense[pair.Site.Path + ".weight"] += weight * pair.Scale * pair.B.to(float64).mm(pair.A.to(float64)); // W + c s B A
        using var summed = new Decoder(decoder.Config, dense.ToDictionary(weight => weight.Key, weight => weight.Value.to(float32)));
        var ids = ConformanceCases.Ids(TinyModels.Ids(9));

        using var mixed = LoraMixture.Of([.. loras.Zip(weights)]);

        var expected = summed.Logits(summed.Hidden(ids));
        Assert.InRange(decoder.Logits(decoder.Hidden(ids, mixed)).sub(expected).abs().max().item<float>(), 0f, 1e-5f);
        Assert.True(decoder.Logits(decoder.Hidden(ids)).sub(expected).abs().max().item<float>() > 0.1f);
        var shape = LoraMixture.ShapeOf(shapes);
        Assert.Equal(20, shape.Rank);
        Assert.All(mixed.Pairs, pair => Assert.Equal((20, shape.ScaleOf(pair.Site.Path)), (pair.A.shape[0], pair.Scale)));
    }

    [Fact]
    public void Of_LorasOfOtherLayers_IsRefusedByTheLayersName()
    {
        using var decoder = TinyModels.Create();
        using var some = TinyModels.CreateLora(decoder, Plain);
        using var others = TinyModels.CreateLora(decoder, Plain with { TargetModules = ["q_proj", "v_proj"] });

        var error = Assert.Throws<ArgumentException>(() => LoraMixture.Of([(some, 1), (others, 1)]));

        Assert.Contains("model.layers.0.mlp.down_proj", error.Message, StringComparison.Ordinal);
    }
}
