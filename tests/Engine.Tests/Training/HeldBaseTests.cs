using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

/// <summary>Training on a base that is held narrow or elsewhere, against the whole one.</summary>
public sealed class HeldBaseTests
{
    private static readonly BaseHolding Offloaded = new(BaseFormat.Full, true);

    private readonly TrainingOptions _options = new() { LearningRate = 1e-2, Epochs = 4, BatchSize = 4, MicroBatches = MicroBatching.Read("3"), Dropout = 0.2, Seed = 7 };

    [Theory]
    [InlineData("llama", BaseFormat.Int8, 0.02)]
    [InlineData("qwen2", BaseFormat.Int8, 0.02)]
    [InlineData("qwen3", BaseFormat.Int8, 0.02)]
    [InlineData("llama", BaseFormat.Int4, 0.2)]
    public void Logits_ANarrowBase_AreCloseToTheWhole(string family, BaseFormat format, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var whole = TinyModels.Create(family);
        using var narrow = HeldBases.Of(whole, new BaseHolding(format, false));
        var ids = ConformanceCases.Ids(TinyModels.Ids(12));
        var (expected, actual) = (whole.Logits(whole.Hidden(ids)), narrow.Logits(narrow.Hidden(ids)));
        var error = actual.sub(expected).norm().item<float>() / expected.norm().item<float>();
        Assert.InRange(error, tolerance / 50, tolerance);
        // The quick ways of serving read memory that is there as long as the decoder.
        using var kernels = new CpuKernels(1);
        Assert.Null(narrow.ShortPass(kernels));
        Assert.Same(narrow, narrow.IntoLargePages());
    }

    // The same products of the same numbers in the same order.
    [Fact]
    public void Fit_AnOffloadedBase_GivesTheBitsOfAResidentOne()
    {
        using var decoder = TinyModel.Create();
        using var held = HeldBases.Of(decoder, Offloaded);
        var (plain, outcome) = Trained(decoder, _options);
        var (offloaded, again) = Trained(held, _options);
        Assert.Equal(plain, offloaded);
        Assert.Equal((outcome.LastLoss, "3"), (again.LastLoss, again.MicroBatches));
    }

    [Theory]
    [InlineData(BaseFormat.Int8, 0.003)]
    [InlineData(BaseFormat.Int4, 0.03)]
    public void Fit_ANarrowBase_LossStaysCloseToThatOfTheWhole(BaseFormat format, double tolerance)
    {
        using var decoder = TinyModel.Create();
        using var narrow = HeldBases.Of(decoder, new BaseHolding(format, true));
        List<double> whole = [], other = [];
        Trained(decoder, _options, whole);
        Trained(narrow, _options, other);
        Assert.True(whole[^1] < whole[0]);
        Assert.NotEqual(whole, other);
        foreach (var (expected, actual) in whole.Zip(other)) Assert.InRange(Math.Abs(actual - expected), 0, tolerance * expected);
    }

    [Fact]
    public void Learn_ContinuedOnAnotherFormat_IsRefused()
    {
        using var decoder = TinyModel.Create();
        using var narrow = HeldBases.Of(decoder, new BaseHolding(BaseFormat.Int8, false));
        using var offloaded = HeldBases.Of(decoder, Offloaded);
        var rows = TinyModel.Rows(1);
        string Options(Decoder on) => LearningInputs.Of(on, new Slao(), TinyModel.Lora, null, rows, _options, "base").Options;
        Assert.NotEqual(Options(decoder), Options(narrow));
        Assert.Equal(Options(decoder), Options(offloaded));
    }

    private static (float[] Weights, TrainingOutcome Outcome) Trained(Decoder decoder, TrainingOptions options, List<double>? losses = null)
    {
        using var lora = TinyModel.FirstLora(decoder);
        var outcome = Trainer.Fit(decoder, lora, TinyModel.Rows(1), options, new SynchronousProgress<TrainingStep>(step => losses?.Add(step.Loss)), TestContext.Current.CancellationToken);
        return (Numbers.Of(lora), outcome);
    }
}
