using System.Text.Json.Nodes;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Training;

/// <summary>Against tools/golden/training_reference.py: float64, own forward pass, autograd and AdamW of PyTorch, Gram-Schmidt instead of QR.</summary>
public sealed class GoldenTrainingTests
{
    private const double Tolerance = 1e-3;

    [Theory]
    [InlineData(6)]
    [InlineData(2)]
    public void Slao_ThreeTasks_EqualsReference(int microBatchSize) => AssertEqualsReference(CPU, microBatchSize);

    internal static void AssertEqualsReference(Device device, int microBatchSize)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModel.Create(device);
        var method = new Slao();
        AdapterState? state = null;
        var tasks = TinyModel.Golden["tasks"]!.AsArray();
        for (var i = 1; i <= tasks.Count; i++)
        {
            var golden = tasks[i - 1]!;
            using var tuning = state is null ? new Tuning(TinyModel.FirstLora(decoder)) : method.StartTask(decoder, TinyModel.Lora, state, new Generator(1));
            var lora = tuning.Lora;
            CheckMatrices(golden["start"]!, (path, key) => At(lora, path, key), $"task {i}, start");
            CheckFirstGradients(decoder, lora, i, golden["first_gradients"]!);

            List<TrainingStep> steps = [];
            Trainer.Fit(decoder, lora, TinyModel.Rows(i), Options(microBatchSize), new SynchronousProgress<TrainingStep>(steps.Add), TestContext.Current.CancellationToken);
            Numbers.AssertClose(Values(golden["losses"]!), steps.Select(step => step.Loss).ToList(), Tolerance, $"task {i}, losses");
            Numbers.AssertClose(Values(golden["grad_norms"]!), steps.Select(step => step.GradNorm).ToList(), Tolerance, $"task {i}, gradient norms");
            Numbers.AssertClose(Values(golden["rates"]!), steps.Select(step => step.LearningRate).ToList(), 1e-12, $"task {i}, rates");

            state = method.FinishTask(TinyModel.Lora, tuning, state);
            Assert.Equal((double)golden["lambda"]!, method.Lambda(i), 15);
            CheckMatrices(golden["end"]!, (path, key) => At(state, path, key), $"task {i}, end");
        }
    }

    private static TrainingOptions Options(int microBatchSize)
    {
        var golden = TinyModel.Golden["training"]!;
        return new TrainingOptions
        {
            LearningRate = (double)golden["learning_rate"]!,
            Epochs = (int)golden["steps"]!, // all rows in one batch: a step an epoch, whatever the shuffle
            BatchSize = (int)TinyModel.Golden["rows_per_task"]!,
            MicroBatches = [new MicroBatching(1, microBatchSize, Recomputes: false)],
            Schedule = LearningRateSchedule.Linear,
            WarmupFraction = (double)golden["warmup_fraction"]!,
            WeightDecay = (double)golden["weight_decay"]!,
            MaxGradNorm = (double)golden["max_grad_norm"]!,
        };
    }

    private static void CheckFirstGradients(Decoder decoder, LoraWeights start, int task, JsonNode golden)
    {
        using var scope = NewDisposeScope();
        using var lora = new LoraWeights([.. start.Pairs.Select(pair => pair with { A = pair.A.clone().requires_grad_(true), B = pair.B.clone().requires_grad_(true) })]);
        var rows = TinyModel.Rows(task);
        Trainer.Backward(decoder, LoraUpdate.Of(lora, decoder.Device)!, rows, rows.Sum(Trainer.LabelledTokens));
        CheckMatrices(golden, (path, key) => At(lora, path, key).grad ?? zeros(1), $"task {task}, first gradients");
    }

    private static void CheckMatrices(JsonNode golden, Func<string, string, Tensor> ours, string what)
    {
        foreach (var (path, matrices) in golden.AsObject())
        {
            foreach (var (key, values) in matrices!.AsObject()) Numbers.AssertClose(Values(values!), Numbers.Of(ours(path, key)), Tolerance, $"{what}, {path}, {key}");
        }
    }

    private static Tensor At(LoraWeights lora, string path, string key)
    {
        var pair = lora.Pairs.Single(pair => pair.Site.Path == path);
        return key == "a" ? pair.A : pair.B;
    }

    private static Tensor At(AdapterState state, string path, string key)
    {
        var site = state.Sites.Single(site => site.Site.Path == path);
        return key switch { "a_ft" => site.AFineTuned, "b_ft" => site.BFineTuned, _ => site.BMerged };
    }

    private static List<double> Values(JsonNode node) => [.. node.AsArray().Select(value => (double)value!)];
}
