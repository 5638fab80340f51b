using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Gpu;

[Collection(GpuCollection.Name)]
public sealed class GpuTrainingTests : IDisposable
{
    // Products are summed in an order of the GPU's own, and AdamW divides by gradients that may be small.
    private const double AgainstCpu = 1e-3;

    // Of two runs on one GPU.
    private const double AgainstItself = 1e-5;

    private static readonly TrainingOptions Options = new()
    {
        LearningRate = 1e-2,
        Epochs = 4,
        BatchSize = 4,
        MicroBatches = MicroBatching.Read("2"),
        Schedule = LearningRateSchedule.Cosine,
        WarmupFraction = 0.2,
        WeightDecay = 0.1,
        Seed = 7,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("gpu-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [GpuFact]
    public void Slao_ThreeTasks_EqualsPyTorchsReference() => GoldenTrainingTests.AssertEqualsReference(Gpu.Device, 2);

    [GpuFact]
    public void Learn_TwoTasks_EndsWithTheCpusState()
    {
        using var scope = NewDisposeScope();
        var (expected, expectedLosses) = TwoTasks(CPU);
        var (actual, losses) = TwoTasks(Gpu.Device);

        Numbers.AssertClose(expectedLosses, losses, AgainstCpu, "losses");
        foreach (var (wanted, found) in expected.Sites.Zip(actual.Sites))
        {
            AssertClose(wanted.AFineTuned, found.AFineTuned, wanted.Site.Path + ", A");
            AssertClose(wanted.BFineTuned, found.BFineTuned, wanted.Site.Path + ", B");
            AssertClose(wanted.BMerged, found.BMerged, wanted.Site.Path + ", merged B");
        }

        expected.Dispose();
        actual.Dispose();

        static void AssertClose(Tensor wanted, Tensor found, string what) => Numbers.AssertClose([.. Numbers.Of(wanted).Select(value => (double)value)], Numbers.Of(found), AgainstCpu, what);
    }

    [GpuFact]
    public void Fit_SameSeedWithDropout_GivesTheSameCurve()
    {
        using var decoder = TinyModel.Create(Gpu.Device);
        var options = Options with { Dropout = 0.2 };

        var first = Losses(decoder, options);

        Numbers.AssertClose(first, Losses(decoder, options), AgainstItself, "the same seed");
        // All rows in one batch: the order of the rows cannot make the difference.
        options = options with { BatchSize = 6, MicroBatches = [] };
        var others = new[] { options, options with { Seed = 8 }, options with { Dropout = 0 } }.Select(each => Losses(decoder, each)[^1]).Order().ToList();
        Assert.True(others[1] - others[0] > 1e-4 && others[2] - others[1] > 1e-4, $"Masks that make no difference: {string.Join(", ", others)}");
    }

    [GpuFact]
    public void Learn_CutAndContinuedWithDropout_EndsWithTheSameState()
    {
        using var decoder = TinyModel.Create(Gpu.Device);
        var options = Options with { Dropout = 0.2 };
        var whole = new CuttableRun(decoder, _folder, options);
        var cut = new CuttableRun(decoder, _folder, options);

        var expected = State(whole.StateAfterCutsAt());
        var actual = State(cut.StateAfterCutsAt(3, 5));

        Numbers.AssertClose([.. whole.Steps.Select(step => step.Loss)], cut.Steps.Select(step => step.Loss).ToList(), AgainstItself, "losses");
        Numbers.AssertClose(expected, actual, AgainstItself, "state");

        List<double> State(byte[] bytes)
        {
            var path = Path.Combine(_folder, "read.safetensors");
            File.WriteAllBytes(path, bytes);
            using var state = AdapterState.Load(path, decoder, CuttableRun.BaseDigest);
            return [.. state.Sites.SelectMany(site => new[] { site.AFineTuned, site.BFineTuned, site.BMerged }).SelectMany(Numbers.Of).Select(value => (double)value)];
        }
    }

    [GpuFact]
    public void Fit_ManySteps_LiveTensorsAndDeviceMemoryStayFlat()
    {
        using var decoder = TinyModel.Create(Gpu.Device);
        using var lora = TinyModel.FirstLora(decoder);
        var options = Options with { Epochs = 40, Dropout = 0.1 };
        List<(long Tensors, long Bytes)> live = [];
        Trainer.Fit(decoder, lora, TinyModel.Rows(1), options with { Epochs = 1 }, null, TestContext.Current.CancellationToken); // what the decoder caches for good

        Trainer.Fit(
            decoder, lora, TinyModel.Rows(1), options, new SynchronousProgress<TrainingStep>(_ => live.Add((Tensor.TotalCount, DeviceMemory.UsedBytes() ?? 0))),
            TestContext.Current.CancellationToken);

        Assert.All(live.Skip(8), now => Assert.True(now.Tensors <= live[8].Tensors && now.Bytes <= live[8].Bytes, $"{now} after {live[8]}"));
        Assert.True(live[^1].Bytes > 0, "The driver does not tell how much of the device's memory is used.");
    }

    // Copied from pinned memory for each run of a block, and widened there.
    [GpuFact]
    public void Fit_ABaseHeldElsewhere_GivesTheCurveOfTheResidentOne()
    {
        using var decoder = TinyModel.Create(Gpu.Device);
        using var offloaded = HeldBases.Of(decoder, new BaseHolding(BaseFormat.Full, true));
        Numbers.AssertClose(Losses(decoder, Options), Losses(offloaded, Options), AgainstItself, "offloaded");
        using var narrow = HeldBases.Of(decoder, new BaseHolding(BaseFormat.Int4, true));
        using var onCpu = TinyModel.Create();
        using var narrowOnCpu = HeldBases.Of(onCpu, new BaseHolding(BaseFormat.Int4, false));
        Numbers.AssertClose(Losses(narrowOnCpu, Options), Losses(narrow, Options), AgainstCpu, "in four bits");
    }

    private static (AdapterState State, List<double> Losses) TwoTasks(Device device)
    {
        using var decoder = TinyModel.Create(device);
        List<double> losses = [];
        var progress = new SynchronousProgress<LearningProgress>(report => losses.AddRange(report.Step is { } step ? [step.Loss] : []));
        var first = ContinualLearner.Learn(decoder, new Slao(), TinyModel.Lora, null, TinyModel.Rows(1), Options, progress, TestContext.Current.CancellationToken).State;
        using (first)
        {
            return (ContinualLearner.Learn(decoder, new Slao(), TinyModel.Lora, first, TinyModel.Rows(2), Options, progress, TestContext.Current.CancellationToken).State, losses);
        }
    }

    private static List<double> Losses(Decoder decoder, TrainingOptions options)
    {
        using var lora = TinyModel.FirstLora(decoder);
        List<double> losses = [];
        Trainer.Fit(decoder, lora, TinyModel.Rows(1), options, new SynchronousProgress<TrainingStep>(step => losses.Add(step.Loss)), TestContext.Current.CancellationToken);
        return losses;
    }
}
