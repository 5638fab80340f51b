using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

/// <summary>Blocks that are run once more for their gradient give the gradient of those that were kept.</summary>
public sealed class RecomputeTests
{
    private const double Tolerance = 2e-6;

    [Theory]
    [InlineData("llama", "", LoraConfig.AllLinear, 0.0)]
    [InlineData("llama", "", "q_proj", 0.3)]
    [InlineData("llama", "", "model.layers.1.self_attn.v_proj", 0.3)]
    [InlineData("mistral", """, "sliding_window": 4 """, LoraConfig.AllLinear, 0.3)]
    [InlineData("qwen3", "", LoraConfig.AllLinear, 0.3)]
    public void Backward_Recomputed_GivesThePlainGradient(string family, string more, string target, double dropout)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModels.Create(family, more);
        using var tuning = new Tuning(TinyModels.CreateLora(decoder, new LoraConfig(3, 6, [target])));
        AssertSame(decoder, tuning, live => tuning.Update(live, dropout > 0 ? new LoraDropout(dropout, Key: 11) : null), vocabularySize: 40);
    }

    [Theory]
    [InlineData("slao")]
    [InlineData("inclora")]
    [InlineData("o-lora")]
    [InlineData("lorac-ipc")]
    [InlineData("nmt-lora:keepPairs=true")]
    [InlineData("c-lora")]
    [InlineData("c-lora:train=routing")]
    public void Backward_SecondTaskOfAMethodWithDropout_GivesThePlainGradient(string label)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModel.Create();
        var method = ContinualMethods.Parse(label);
        using var first = ContinualLearner.Learn(decoder, method, TinyModel.Lora, null, TinyModel.Rows(1), new TrainingOptions { LearningRate = 1e-2, Epochs = 2 }, null, TestContext.Current.CancellationToken).State;
        using var tuning = method.StartTask(decoder, TinyModel.Lora, first, new Generator(1));
        AssertSame(decoder, tuning, live => tuning.Update(live, new LoraDropout(0.3, Key: 11)));
    }

    // What layers share belongs to one run of their block: so it is on a GPU.
    [Fact]
    public void Backward_LayersThatShareTheirProducts_GivesThePlainGradient()
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModel.Create();
        using var tuning = new Tuning(TinyModels.CreateLora(decoder, new LoraConfig(3, 6, ["q_proj", "v_proj"])));
        AssertSame(decoder, tuning, live => new LoraUpdate(live.Lora, null, together: true));
    }

    [Fact]
    public void Fit_Recomputed_SameWeightsAsWithoutIt()
    {
        using var decoder = TinyModel.Create();
        var options = new TrainingOptions { LearningRate = 1e-2, Epochs = 4, BatchSize = 4, MicroBatchSize = 3, Dropout = 0.2, Seed = 7 };

        Numbers.AssertClose([.. Trained(options).Select(value => (double)value)], Trained(options with { RecomputesBlocks = true }), 1e-5, "weights");
        Assert.NotEqual(Trained(options), Trained(options with { Dropout = 0 }));

        float[] Trained(TrainingOptions options)
        {
            using var lora = TinyModel.FirstLora(decoder);
            Trainer.Fit(decoder, lora, TinyModel.Rows(1), options, null, TestContext.Current.CancellationToken);
            return Numbers.Of(lora);
        }
    }

    private static void AssertSame(Decoder decoder, Tuning tuning, Func<LiveParameters, LinearUpdate> update, int vocabularySize = 48)
    {
        var rows = TinyModel.Rows(1, vocabularySize);
        var (plain, loss) = Gradient(recomputes: false);
        var (recomputed, again) = Gradient(recomputes: true);

        Assert.Equal(loss, again, Tolerance);
        Assert.Contains(plain, value => Math.Abs(value) > 1e-4);
        Numbers.AssertClose(plain, recomputed, Tolerance, "gradients");

        (List<double> Gradient, double Loss) Gradient(bool recomputes)
        {
            using var live = new LiveParameters(tuning, CPU);
            var loss = Trainer.Backward(decoder, update(live), rows, rows.Sum(Trainer.LabelledTokens), recomputes).item<float>();
            return ([.. Numbers.Of(live.Gradient).Select(value => (double)value)], loss);
        }
    }
}
