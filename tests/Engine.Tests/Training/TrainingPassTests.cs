using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

/// <summary>The backward pass that is written out by hand gives the gradient that libtorch's autograd gives of the whole model, with gradient checkpointing and without.</summary>
public sealed class TrainingPassTests
{
    private const double Tolerance = 2e-6;

    [Theory]
    [InlineData("llama", "", LoraConfig.AllLinear, 0.0)]
    [InlineData("llama", "", LoraConfig.AllLinear, 0.3)]
    [InlineData("llama", "", "q_proj", 0.3)]
    [InlineData("llama", "", "o_proj", 0.0)]
    [InlineData("llama", "", "gate_proj", 0.0)]
    [InlineData("llama", "", "up_proj", 0.0)]
    [InlineData("llama", "", "down_proj", 0.0)]
    [InlineData("llama", "", "model.layers.1.self_attn.v_proj", 0.3)]
    [InlineData("llama", "", "model.layers.1.mlp.down_proj", 0.0)]
    [InlineData("mistral", """, "sliding_window": 4 """, LoraConfig.AllLinear, 0.3)]
    [InlineData("qwen3", "", LoraConfig.AllLinear, 0.3)]
    public void Backward_OfATarget_GivesAutogradsGradient(string family, string more, string target, double dropout)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModels.Create(family, more);
        using var tuning = new Tuning(TinyModels.CreateLora(decoder, new LoraConfig(3, 6, [target])));
        AssertSame(decoder, tuning, live => Update(live, decoder, tuning, dropout), vocabularySize: 40);
    }

    // Blocks between others: a gradient goes through them and past them.
    [Theory]
    [InlineData(LoraConfig.AllLinear)]
    [InlineData("model.layers.0.mlp.down_proj")]
    [InlineData("model.layers.2.self_attn.q_proj")]
    public void Backward_ManyLayers_GivesAutogradsGradient(string target)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModels.Create(ModelConfig.Parse(TinyModels.Json(), null) with { LayerCount = 5 });
        using var tuning = new Tuning(TinyModels.CreateLora(decoder, new LoraConfig(3, 6, [target])));
        AssertSame(decoder, tuning, live => tuning.Update(live, null), vocabularySize: 40);
    }

    [Theory]
    [InlineData("slao", 0.3)]
    [InlineData("inclora", 0.3)]
    [InlineData("o-lora", 0.0)]
    [InlineData("lorac-ipc", 0.0)]
    [InlineData("lorac-ipc", 0.3)]
    [InlineData("nmt-lora:keepPairs=true", 0.3)]
    [InlineData("c-lora", 0.0)]
    [InlineData("c-lora:train=routing", 0.3)]
    public void Backward_SecondTaskOfAMethod_GivesAutogradsGradient(string label, double dropout)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModel.Create();
        var method = ContinualMethods.Parse(label);
        using var first = ContinualLearner.Learn(decoder, method, TinyModel.Lora, null, TinyModel.Rows(1), new TrainingOptions { LearningRate = 1e-2, Epochs = 2 }, null, TestContext.Current.CancellationToken).State;
        using var tuning = method.StartTask(decoder, TinyModel.Lora, first, new Generator(1));
        AssertSame(decoder, tuning, live => Update(live, decoder, tuning, dropout));
    }

    // What layers share belongs to one run of their block: so it is on a GPU.
    [Fact]
    public void Backward_LayersThatShareTheirProducts_GivesAutogradsGradient()
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
        var options = new TrainingOptions { LearningRate = 1e-2, Epochs = 4, BatchSize = 4, MicroBatches = MicroBatching.Read("3"), Dropout = 0.2, Seed = 7 };

        Numbers.AssertClose([.. Trained(options).Select(value => (double)value)], Trained(options with { MicroBatches = MicroBatching.Read("3+recompute") }), 1e-5, "weights");
        Assert.NotEqual(Trained(options), Trained(options with { Dropout = 0 }));

        float[] Trained(TrainingOptions options)
        {
            using var lora = TinyModel.FirstLora(decoder);
            Trainer.Fit(decoder, lora, TinyModel.Rows(1), options, null, TestContext.Current.CancellationToken);
            return Numbers.Of(lora);
        }
    }

    // Where the last block's mask is drawn for the tokens alone that anybody asks for, autograd's whole model would draw another.
    private static LinearUpdate Update(LiveParameters live, Decoder decoder, Tuning tuning, double dropout) => dropout == 0
        ? tuning.Update(live, null)
        : new Joined(tuning.Update(live, new LoraDropout(dropout, Key: 11)), tuning.Update(live, null), decoder.Linears.Single(site => site.Path == $"model.layers.{decoder.Config.LayerCount - 1}.self_attn.o_proj").Index);

    private static void AssertSame(Decoder decoder, Tuning tuning, Func<LiveParameters, LinearUpdate> update, int vocabularySize = 48)
    {
        var rows = TinyModel.Rows(1, vocabularySize);
        AssertSame(decoder, tuning, update, rows);
        AssertSame(decoder, tuning, update, [rows[0], rows[0] with { Labels = rows[0].Ids }]);
    }

    private static void AssertSame(Decoder decoder, Tuning tuning, Func<LiveParameters, LinearUpdate> update, IReadOnlyList<EncodedExample> rows)
    {
        var tokens = rows.Sum(Trainer.LabelledTokens);
        var (plain, loss) = Gradient(update => Autograd(decoder, update, rows, tokens));
        Assert.Contains(plain, value => Math.Abs(value) > 1e-4);
        foreach (var recomputes in new[] { false, true })
        {
            var (own, again) = Gradient(update => Trainer.Backward(decoder, update, rows, tokens, recomputes));
            Assert.Equal(loss, again, Tolerance);
            Numbers.AssertClose(plain, own, Tolerance, "gradients");
        }

        (List<double> Gradient, double Loss) Gradient(Func<LinearUpdate, Tensor> backward)
        {
            using var live = new LiveParameters(tuning, CPU);
            var loss = backward(update(live)).item<float>();
            return ([.. Numbers.Of(live.Gradient).Select(value => (double)value)], loss);
        }
    }

    private static Tensor Autograd(Decoder decoder, LinearUpdate update, IReadOnlyList<EncodedExample> rows, double tokens)
    {
        var ids = rows.SelectMany(row => row.Ids).Select(id => (long)id).ToArray();
        List<long> at = [], next = [];
        var start = 0;
        foreach (var row in rows)
        {
            for (var t = 1; t < row.Ids.Length; t++)
            {
                if (row.Labels[t] == EncodedExample.IgnoreIndex) continue;
                at.Add(start + t - 1);
                next.Add(row.Labels[t]);
            }

            start += row.Ids.Length;
        }

        var hidden = decoder.Hidden(tensor(ids), rows.Select(row => row.Ids.Length).ToArray(), update, tensor(at)); // [n, D]
        using Scalar divisor = tokens;
        var loss = nn.functional.cross_entropy(decoder.Logits(hidden), tensor(next.ToArray()), reduction: nn.Reduction.Sum).div(divisor);
        loss.backward();
        return loss;
    }

    /// <summary>One update for the layers before a place, and another from there on.</summary>
    private sealed class Joined(LinearUpdate before, LinearUpdate after, int from) : LinearUpdate
    {
        internal override int FirstSite => before.FirstSite;

        internal override Tensor AddTo(Tensor y, Tensor x, int site) => At(site).AddTo(y, x, site);

        internal override void Backward(Tensor gradient, Tensor x, int site, Tensor? inputGradient) => At(site).Backward(gradient, x, site, inputGradient);

        private LinearUpdate At(int site) => site < from ? before : after;
    }
}
