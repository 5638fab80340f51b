using System.Diagnostics;
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
        var options = new TrainingOptions
        {
            LearningRate = 1e-4,
            Epochs = 1,
            BatchSize = settings.Batch,
            MicroBatches = [new MicroBatching(1, settings.MicroBatch ?? settings.Batch, settings.Recompute)],
            Schedule = LearningRateSchedule.Constant,
            WarmupFraction = 0,
        };
        var rows = Rows(settings, decoder.Config.VocabularySize);
        var plan = BatchPlan.Create([.. rows.Select(row => row.Ids.Length)], options, new SeedStreams(options.Seed).NumberGenerator(SeedStreams.Shuffle));
        var rate = new GemmRate(torch.device(settings.Device), settings.DType);
        var listener = new Listener(rate);
        Trainer.Fit(decoder, lora, rows, options, listener);
        var (steps, held) = (listener.Steps, listener.Held);
        var seconds = steps.Zip(steps.Skip(1)).Select(pair => pair.Second.Reported - pair.First.Ended).Skip(TrainingSettings.Warmup - 1).ToList();
        var tokens = plan.Skip(TrainingSettings.Warmup).Sum(step => step.Sum(row => (long)rows[row].Ids.Length));
        var used = DeviceMemory.UsedBytes();
        return new TrainingFigures(
            "ContinualService", tokens / seconds.Sum(), seconds, [.. steps.Select(step => step.Loss)],
            settings.OnGpu && before is not null ? used - before : null, ProcessMemory.PeakBytes())
        { Steady = Steady(held), GemmRate = rate.Mean, BestGemmRate = rate.Best };
    }

    private static List<EncodedExample> Rows(TrainingSettings settings, int vocabularySize)
    {
        var random = new Random(1);
        return [.. settings.Rows.Select(row =>
        {
            int[] ids = [.. Enumerable.Range(0, row.Length).Select(_ => random.Next(3, vocabularySize))];
            int[] labels = [.. ids.Select((id, at) => at < row.Length - row.Trained ? EncodedExample.IgnoreIndex : id)];
            return new EncodedExample(ids, labels, ids[..1], null, []);
        })];
    }

    /// <summary>What the counted steps left behind: each after the first of them against that one.</summary>
    private static SteadyState Steady(IReadOnlyList<Footprint> held)
    {
        var counted = held.Skip(TrainingSettings.Warmup).ToList();
        var steps = Math.Max(1, counted.Count - 1);
        return new SteadyState(
            counted.Skip(1).Sum(each => each.Managed) / steps, counted[0].Tensors, counted.Max(each => each.Tensors), counted[0].Resident, counted[^1].Resident);
    }

    /// <param name="Managed">Bytes that were allocated on .NET's heap since the step before it, but for this listener's.</param>
    /// <param name="Tensors">Live ones.</param>
    /// <param name="Resident">Bytes.</param>
    private readonly record struct Footprint(long Managed, long Tensors, long Resident);

    /// <param name="Loss">Of it.</param>
    /// <param name="Reported">Seconds until the trainer said that it had ended.</param>
    /// <param name="Ended">Seconds until the next one began.</param>
    private readonly record struct Timed(double Loss, double Reported, double Ended);

    // On the trainer's thread, at the time of the step: Progress would hand it to another.
    private sealed class Listener(GemmRate rate) : IProgress<TrainingStep>
    {
        private readonly List<Timed> _steps = [];
        private readonly List<Footprint> _held = [];
        private long _since;

        public IReadOnlyList<Timed> Steps => _steps;

        public IReadOnlyList<Footprint> Held => _held;

        public void Report(TrainingStep value)
        {
            var managed = GC.GetTotalAllocatedBytes(precise: true) - _since;
            var began = Stopwatch.GetTimestamp();
            _held.Add(new Footprint(managed, torch.Tensor.TotalCount, ProcessMemory.ResidentBytes()));
            if (value.Step >= TrainingSettings.Warmup) rate.Sample();
            _steps.Add(new Timed(value.Loss, value.Seconds, value.Seconds + Stopwatch.GetElapsedTime(began).TotalSeconds));
            _since = GC.GetTotalAllocatedBytes(precise: true);
        }
    }
}
