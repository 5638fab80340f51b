using ContinualService.Engine.Continual;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class SeqLoraTests
{
    private static readonly TrainingOptions Options = new() { LearningRate = 1e-2, Epochs = 1, BatchSize = 2 };

    [Fact]
    public void Learn_FirstTask_EqualsSlaoWithTheSameSeed()
    {
        using var decoder = TinyModel.Create();
        using var slao = ContinualLearner.Learn(decoder, new Slao(), TinyModel.Lora, null, TinyModel.Rows(1), Options, null, TestContext.Current.CancellationToken).State;
        using var sequential = ContinualLearner.Learn(decoder, new SeqLora(), TinyModel.Lora, null, TinyModel.Rows(1), Options, null, TestContext.Current.CancellationToken).State;
        foreach (var (one, other) in slao.Sites.Zip(sequential.Sites))
        {
            Assert.Equal(Numbers.Of(one.AFineTuned), Numbers.Of(other.AFineTuned));
            Assert.Equal(Numbers.Of(one.BMerged), Numbers.Of(other.BMerged));
        }
    }

    [Fact]
    public void StartTask_Second_GoesOnWithTheLastAAndBAndServesWhatItTuned()
    {
        using var decoder = TinyModel.Create();
        var method = new SeqLora();
        using var first = ContinualLearner.Learn(decoder, method, TinyModel.Lora, null, TinyModel.Rows(1), Options, null, TestContext.Current.CancellationToken).State;
        using var start = method.StartTask(decoder, TinyModel.Lora, first, new Generator(1));
        using var second = ContinualLearner.Learn(decoder, method, TinyModel.Lora, first, TinyModel.Rows(2), Options, null, TestContext.Current.CancellationToken).State;
        foreach (var (pair, site) in start.Lora.Pairs.Zip(first.Sites))
        {
            Assert.Equal(Numbers.Of(site.AFineTuned), Numbers.Of(pair.A));
            Assert.Equal(Numbers.Of(site.BFineTuned), Numbers.Of(pair.B));
        }

        Assert.All(second.Sites, site => Assert.Equal(Numbers.Of(site.BFineTuned), Numbers.Of(site.BMerged)));
        Assert.Equal(2, second.TaskIndex);
    }
}
