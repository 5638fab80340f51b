using ContinualService.Engine.Data;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

/// <summary>Rows one after another train as the same rows side by side with padding do, which is computed here.</summary>
public sealed class PackingTests
{
    // Sums are taken in another order; AdamW divides by gradients that may be small.
    private const double GradientTolerance = 1e-5;
    private const double CurveTolerance = 1e-4;

    private static readonly TrainingOptions Options = new() { LearningRate = 1e-2, Epochs = 5, BatchSize = 3, Seed = 7 };

    [Theory]
    [InlineData("llama", "")]
    [InlineData("mistral", """, "sliding_window": 4 """)]
    [InlineData("qwen3", "")]
    public void Backward_UnevenRows_GradientsAreThoseOfPaddedRows(string family, string more)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModels.Create(family, more);
        using var start = TinyModels.CreateLora(decoder, TinyModel.Lora);
        var rows = TinyModel.Rows(1, vocabularySize: 40);
        Assert.True(rows.Select(row => row.Ids.Length).Distinct().Count() > 1);

        var (packed, packedLoss) = Gradient((decoder, update, rows, weight) => Trainer.Backward(decoder, update, rows, weight));
        var (padded, paddedLoss) = Gradient(PaddedBackward);

        Assert.Equal(paddedLoss, packedLoss, 1e-5);
        Numbers.AssertClose(padded, packed, GradientTolerance, "gradients");

        (List<double> Gradient, double Loss) Gradient(Func<Decoder, LinearUpdate, IReadOnlyList<EncodedExample>, double, Tensor> backward)
        {
            using var tuning = new Tuning(new LoraWeights([.. start.Pairs.Select(pair => pair with { A = pair.A.clone(), B = pair.B.clone() })]));
            using var live = new LiveParameters(tuning, CPU);
            var loss = backward(decoder, tuning.Update(live, null), rows, rows.Sum(Trainer.LabelledTokens)).item<float>();
            return ([.. Numbers.Of(live.Gradient).Select(value => (double)value)], loss);
        }
    }

    [Fact]
    public void Fit_UnevenRows_LossCurveIsThatOfPaddedRows()
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModel.Create();
        var rows = TinyModel.Rows(1);
        List<double> packed = [];
        using (var lora = TinyModel.FirstLora(decoder))
            Trainer.Fit(decoder, lora, rows, Options, new SynchronousProgress<TrainingStep>(step => packed.Add(step.Loss)), TestContext.Current.CancellationToken);

        Numbers.AssertClose(PaddedCurve(decoder, rows), packed, CurveTolerance, "losses");
        Assert.True(packed[^1] < packed[0]);
    }

    private static List<double> PaddedCurve(Decoder decoder, IReadOnlyList<EncodedExample> rows)
    {
        using var tuning = new Tuning(TinyModel.FirstLora(decoder));
        using var live = new LiveParameters(tuning, CPU);
        using var optimiser = new AdamW(live.Weights, live.Gradient, Options.WeightDecay);
        var plan = BatchPlan.Create([.. rows.Select(row => row.Ids.Length)], Options, new SeedStreams(Options.Seed).NumberGenerator(SeedStreams.Shuffle));
        List<double> losses = [];
        for (var step = 1; step <= plan.Count; step++)
        {
            var batch = plan[step - 1].Select(index => rows[index]).ToArray();
            live.Gradient.zero_();
            losses.Add(PaddedBackward(decoder, tuning.Update(live, null), batch, batch.Sum(Trainer.LabelledTokens)).item<float>());
            using var noGrad = no_grad();
            optimiser.Clip(Options.MaxGradNorm);
            optimiser.Step(LearningRates.At(Options, step, plan.Count));
        }

        return losses;
    }

    private static Tensor PaddedBackward(Decoder decoder, LinearUpdate update, IReadOnlyList<EncodedExample> rows, double stepWeight)
    {
        var ids = RightPadded.Batch([.. rows.Select(row => row.Ids)], CPU); // [B, T]
        var labelled = rows.SelectMany((row, b) => Enumerable.Range(1, row.Ids.Length - 1).Where(t => row.Labels[t] != EncodedExample.IgnoreIndex).Select(t => (At: b * ids.shape[1] + t - 1, Next: (long)row.Labels[t]))).ToList();
        var (at, next) = (tensor(labelled.ConvertAll(each => each.At)), tensor(labelled.ConvertAll(each => each.Next)));
        var hidden = decoder.Hidden(ids, update).flatten(0, 1).index_select(0, at);
        var (loss, gradient) = MaskedCrossEntropy.Of(decoder, hidden.detach(), next, null, stepWeight);
        hidden.backward([gradient]);
        return loss;
    }
}
