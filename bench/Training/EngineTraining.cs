using ContinualService.Domain.Tasks;
using ContinualService.Engine.Data;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using ContinualService.TestKit;
using TorchSharp;

namespace ContinualService.Bench.Training;

/// <summary>The trainer of the service on rows without meaning.</summary>
internal static class EngineTraining
{
    public static TrainingFigures Run(TrainingSettings settings)
    {
        var before = DeviceMemory.UsedBytes();
        using var decoder = RandomDecoder.Create(TrainingShapes.Config(settings.Shape), torch.device(settings.Device), settings.DType, settings.Base);
        using var generator = new torch.Generator(1);
        var config = new LoraConfig(settings.Rank, 2 * settings.Rank, settings.Targets);
        using var lora = LoraWeights.CreateFresh(decoder, config, generator);
        List<TrainingStep> steps = [];
        var options = new TrainingOptions
        {
            LearningRate = 1e-4,
            Epochs = 1,
            BatchSize = settings.Batch,
            MicroBatchSize = settings.MicroBatch,
            RecomputesBlocks = settings.Recompute,
            Schedule = LearningRateSchedule.Constant,
            WarmupFraction = 0,
        };
        var rows = Rows(settings, decoder.Config.VocabularySize);
        Trainer.Fit(decoder, lora, rows, options, new Listener(steps));
        var seconds = steps.Zip(steps.Skip(1)).Select(pair => pair.Second.Seconds - pair.First.Seconds).Skip(TrainingSettings.Warmup - 1).ToList();
        // Every token but a row's first is trained.
        var tokens = steps[^1].Tokens - steps[TrainingSettings.Warmup - 1].Tokens + ((long)settings.Batch * settings.Steps);
        var used = DeviceMemory.UsedBytes();
        return new TrainingFigures(
            "ContinualService", tokens / seconds.Sum(), seconds, [.. steps.Select(step => step.Loss)],
            settings.OnGpu && before is not null ? used - before : null, ProcessMemory.PeakBytes());
    }

    /// <summary>Every token is trained: nothing of the head's work is spared.</summary>
    private static List<EncodedExample> Rows(TrainingSettings settings, int vocabularySize)
    {
        var random = new Random(1);
        return [.. settings.Lengths.Select(length =>
        {
            int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.Next(3, vocabularySize))];
            return new EncodedExample(ids, ids, ids[..1], null, []);
        })];
    }

    // On the trainer's thread, at the time of the step: Progress would hand it to another.
    private sealed class Listener(List<TrainingStep> steps) : IProgress<TrainingStep>
    {
        public void Report(TrainingStep value) => steps.Add(value);
    }
}
