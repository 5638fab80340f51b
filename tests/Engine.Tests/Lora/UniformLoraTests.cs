using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Lora;

public sealed class UniformLoraTests
{
    private static readonly LoraConfig Plain = new(4, 6, ["v_proj", "down_proj"]) { Dropout = 0.1 };

    public static TheoryData<string, double, bool> Shapes => new() { { "plain", 6, false }, { "rslora", 12, false }, { "alpha pattern", 6, true } };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Of_AnyScales_ComputesTheSame(string shape, double alpha, bool rescaled)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModels.Create();
        var config = shape switch
        {
            "plain" => Plain,
            "rslora" => Plain with { UseRsLora = true },
            _ => Plain with { AlphaPattern = new Dictionary<string, double> { ["layers.1.mlp.down_proj"] = 2.5 } },
        };
        var before = TinyModels.CreateLora(decoder, config);
        var ids = ConformanceCases.Ids(TinyModels.Ids(9));
        var expected = decoder.Logits(decoder.Hidden(ids, before));

        var (uniform, weights, changed) = UniformLora.Of(config, before);

        using (weights)
        {
            Assert.Equal((4, alpha, false, 0.1, rescaled), (uniform.Rank, uniform.Alpha, uniform.UseRsLora, uniform.Dropout, changed));
            Assert.Empty(uniform.AlphaPattern);
            Assert.All(weights.Pairs, pair => Assert.Equal(uniform.ScaleOf(pair.Site.Path), pair.Scale));
            Assert.InRange(decoder.Logits(decoder.Hidden(ids, weights)).sub(expected).abs().max().item<float>(), 0f, 1e-5f);
        }
    }

    [Fact]
    public void Of_SeveralRanks_IsRefused()
    {
        using var decoder = TinyModels.Create();
        var config = Plain with { RankPattern = new Dictionary<string, int> { ["v_proj"] = 2 } };

        var error = Assert.Throws<ModelFormatException>(() => UniformLora.Of(config, TinyModels.CreateLora(decoder, config)));

        Assert.Contains("ranks 2, 4", error.Message, StringComparison.Ordinal);
    }
}
