using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Inference;

public sealed class ServingProbeTests : IDisposable
{
    private static readonly LoraConfig Config = new(4, 8, [LoraConfig.AllLinear]);

    private readonly Decoder _decoder = TinyModels.Create(context: 128);
    private readonly LoraWeights _trained;

    public ServingProbeTests() => _trained = TinyModels.CreateLora(_decoder, Config);

    public void Dispose()
    {
        _trained.Dispose();
        _decoder.Dispose();
    }

    private static List<int[]> Texts => [TinyModels.Ids(40), TinyModels.Ids(9, seed: 4), [5], TinyModels.Ids(100, seed: 5)];

    [Fact]
    public void Run_WithTheTrainersWeights_AgreesWithinTheNoise()
    {
        using var stored = TinyModels.CreateLora(_decoder, Config);

        var found = ServingProbe.Run(_decoder, _trained, stored, "digest", Texts);

        // Nothing precedes a first token, and of the longest text 64 tokens are read.
        Assert.Equal(39 + 8 + 63, found.Tokens);
        Assert.InRange(found.Difference, 0, ServingAgreement.LeastTolerance);
        Assert.InRange(found.NoiseFloor, 0, ServingAgreement.LeastTolerance / 2);
        Assert.True(found.Holds);
    }

    // General products: the kernels of short passes are float32's.
    [Fact]
    public void Run_InBFloat16_AgreesWithinItsOwnNoise()
    {
        var narrow = _decoder.Weights.ToDictionary(weight => weight.Key, weight => weight.Value.to(torch.bfloat16));
        using var decoder = new Decoder(_decoder.Config, narrow);
        using var trained = TinyModels.CreateLora(decoder, Config);

        var found = ServingProbe.Run(decoder, trained, trained, "digest", Texts);
        Assert.True(found.Holds, found.ToString());
        Assert.True(found.NoiseFloor > ServingAgreement.LeastTolerance && found.Difference > ServingAgreement.LeastTolerance, found.ToString());
        // However little noise there happens to be.
        var single = ServingProbe.Run(decoder, trained, trained, "digest", [TinyModels.Ids(40)]);
        Assert.Equal((Math.Max(8 * single.NoiseFloor, ServingAgreement.LeastNarrowTolerance), true), (single.Tolerance, single.Holds));
        using var other = TinyModels.CreateLora(decoder, Config, seed: 6);
        Assert.False(ServingProbe.Run(decoder, trained, other, "other", Texts).Holds);
    }

    [Fact]
    public void Run_WithOneValueChanged_Disagrees()
    {
        using var stored = TinyModels.CreateLora(_decoder, Config);
        using (torch.no_grad()) stored.Pairs[3].B.view(-1)[2].add_(0.05);

        var found = ServingProbe.Run(_decoder, _trained, stored, "digest", Texts);

        Assert.True(found.Difference > found.Tolerance, found.ToString());
        Assert.False(found.Holds);
    }

    [Fact]
    public void Run_WithoutTexts_ComparesNothing() => Assert.Equal(new ServingAgreement(0, 0, 0), ServingProbe.Run(_decoder, _trained, _trained, "digest", [[5]]));

    [Theory]
    [InlineData(1e-5, 0, true)]
    [InlineData(2e-4, 0, false)]
    [InlineData(2e-4, 1e-4, true)]
    [InlineData(9e-4, 1e-4, false)]
    [InlineData(double.PositiveInfinity, 1e-4, false)]
    public void Holds_IsDecidedByTheNoiseFloor(double difference, double noise, bool holds) => Assert.Equal(holds, new ServingAgreement(10, difference, noise).Holds);
}
