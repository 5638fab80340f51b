using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

/// <summary>What every method owes whoever uses it, with its defaults and with its other ways.</summary>
public sealed class AllMethodsTests : IDisposable
{
    private const string Digest = CuttableRun.BaseDigest;

    private static readonly TrainingOptions Options = new()
    {
        LearningRate = 1e-2,
        Epochs = 2,
        BatchSize = 2,
        MicroBatches = MicroBatching.Read("1"),
        Schedule = LearningRateSchedule.Linear,
        WeightDecay = 0.1,
        Dropout = 0.2,
        Seed = 7,
    };

    private static readonly TrainingOptions Short = Options with { Epochs = 1, MicroBatches = [] };

    private static readonly string[] Others =
    [
        "slao:init=random", "slao:init=last-merge", "slao:merge=freb-ma", "slao:merge=frea-mb", "slao:merge=ftba-ma", "slao:merge=ftba-mba", "slao:merge=ftba-mb",
        "c-lora:train=routing", "nmt-lora:keepPairs=true", "opcm:rank=fixed",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("methods-").FullName;
    private readonly Decoder _decoder = TinyModel.Create();

    public static TheoryData<string> Labels => [.. ContinualMethods.Names, .. Others];

    public static TheoryData<string> Plain => [.. new[] { "slao", "seqlora", "inclora", "o-lora", "ewc", "magmax", "opcm", "soup", "ties", "nmt-lora" }, .. Others.Where(label => label.StartsWith("slao", StringComparison.Ordinal))];

    public void Dispose()
    {
        _decoder.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [MemberData(nameof(Labels))]
    public void Learn_ThirdTaskCutAndContinued_EndsWithTheSameState(string label)
    {
        var method = ContinualMethods.Parse(label);
        using var second = AfterTasks(method, 2);
        var run = new CuttableRun(_decoder, _folder, Options) { Method = method, Previous = second, Rows = TinyModel.Rows(3) };

        var whole = run.StateAfterCutsAt();

        Assert.Equal(whole, run.StateAfterCutsAt(0, 2, 5));
        Assert.Equal(whole, run.StateAfterCutsAt(6)); // trained, not merged
    }

    [Theory]
    [MemberData(nameof(Labels))]
    public void Save_AfterOneTwoAndFiveTasks_HoldsTheElementsThatTheMethodSays(string label)
    {
        var method = ContinualMethods.Parse(label);
        Dictionary<int, long> lengths = [];
        foreach (var tasks in new[] { 1, 2, 5 })
        {
            using var state = AfterTasks(method, tasks);
            var path = Path.Combine(_folder, $"{tasks}.safetensors");
            state.Save(path, Digest);
            using var file = SafetensorsFile.Open(path);
            Assert.Equal(method.StateElements(TinyModel.Lora, _decoder.Linears, tasks), file.Names.Sum(name => file.Shape(name).Aggregate(1L, (product, size) => product * size)));
            lengths[tasks] = new FileInfo(path).Length;
        }

        Assert.Equal(method.HasConstantMemory, lengths[1] == lengths[5]);
        Assert.Equal(method.HasConstantMemory, method.StateElements(TinyModel.Lora, _decoder.Linears, 1) == method.StateElements(TinyModel.Lora, _decoder.Linears, 100));
    }

    [Theory]
    [MemberData(nameof(Labels))]
    public void Save_OfConstantMethodAfterAHundredTasks_HasTheSameBytesAsAfterOne(string label)
    {
        var method = ContinualMethods.Parse(label);
        if (!method.HasConstantMemory) return; // the growing ones are counted above
        using var first = AfterTasks(method, 1);
        using var scope = NewDisposeScope();
        using var hundredth = new AdapterState(first.Config, method, 100, [.. first.Sites.Select(site => site with { Tensors = site.Tensors.ToDictionary(item => item.Key, item => item.Value.clone()) })]);
        first.Save(Path.Combine(_folder, "1"), Digest);
        hundredth.Save(Path.Combine(_folder, "100"), Digest);
        Assert.Equal(new FileInfo(Path.Combine(_folder, "1")).Length, new FileInfo(Path.Combine(_folder, "100")).Length);
    }

    [Theory]
    [MemberData(nameof(Labels))]
    public void SaveAndLoad_State_GoesOnAsTheStateItself(string label)
    {
        var method = ContinualMethods.Parse(label);
        using var state = AfterTasks(method, 2);
        var path = Path.Combine(_folder, "state.safetensors");
        state.Save(path, Digest);

        using var loaded = AdapterState.Load(path, _decoder, Digest, TinyModel.Lora);

        Assert.Equal((label, 2), (loaded.Method.Label(), loaded.TaskIndex));
        foreach (var (one, other) in state.Sites.Zip(loaded.Sites))
        {
            Assert.Equal(one.Tensors.Keys.Order(), other.Tensors.Keys.Order());
            Assert.All(one.Tensors, item => Assert.Equal(Numbers.Of(item.Value), Numbers.Of(other.Tensors[item.Key])));
        }

        using var served = state.ServingWeights();
        using var again = loaded.ServingWeights();
        Assert.Equal(Numbers.Of(served), Numbers.Of(again));
    }

    [Theory]
    [MemberData(nameof(Labels))]
    public void Load_WithoutOneTensor_NamesIt(string label)
    {
        var method = ContinualMethods.Parse(label);
        using var state = AfterTasks(method, 1);
        var path = Path.Combine(_folder, "state.safetensors");
        state.Save(path, Digest);
        foreach (var lost in method.Layout(TinyModel.Lora, _decoder.Linears[0], 1).Select(tensor => $"{tensor.Name}.{_decoder.Linears[0].Path}"))
        {
            using var scope = NewDisposeScope();
            var damaged = Path.Combine(_folder, "damaged.safetensors");
            using (var file = SafetensorsFile.Open(path)) SafetensorsWriter.Write(damaged, file.Names.Where(name => name != lost).ToDictionary(name => name, file.Read), file.Metadata);
            Assert.Contains(lost, Assert.Throws<ModelFormatException>(() => AdapterState.Load(damaged, _decoder, Digest)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Labels))]
    public void ServingWeights_ThroughPeftFiles_AreTheSame(string label)
    {
        var method = ContinualMethods.Parse(label);
        using var state = AfterTasks(method, 3);
        using var served = state.ServingWeights();

        PeftAdapter.Save(_folder, state.ServedConfig, served, "tiny");
        var (config, loaded) = PeftAdapter.Load(_folder, _decoder);

        using (loaded) Assert.Equal(Numbers.Of(served), Numbers.Of(loaded));
        Assert.All(_decoder.Linears, site => Assert.Equal(TinyModel.Lora.ScaleOf(site.Path), config.ScaleOf(site.Path), 1e-12));
        Assert.All(served.Pairs.Zip(loaded.Pairs), both => Assert.Equal(both.First.Scale, both.Second.Scale, 1e-12));
    }

    [Theory]
    [MemberData(nameof(Plain))]
    public void Learn_FirstTask_IsAPlainFineTune(string label)
    {
        using var state = AfterTasks(ContinualMethods.Parse(label), 1);
        using var plain = LoraWeights.CreateFresh(_decoder, TinyModel.Lora, new SeedStreams(Options.Seed).TensorGenerator(SeedStreams.Initialisation));
        Trainer.Fit(_decoder, plain, TinyModel.Rows(1), Short, null, TestContext.Current.CancellationToken);

        using var served = state.ServingWeights();

        Assert.Equal(Numbers.Of(plain), Numbers.Of(served));
    }

    [Theory]
    [MemberData(nameof(Labels))]
    public void StateOf_FirstTasksWeights_IsTheStateAfterIt(string label)
    {
        var method = ContinualMethods.Parse(label);
        using var state = AfterTasks(method, 1);
        using var served = state.ServingWeights();

        using var follows = method.StateOf(TinyModel.Lora, served, 1);

        if (follows is null) return; // it keeps more than weights say
        Assert.All(state.Sites.Zip(follows.Sites), both => Assert.All(both.First.Tensors, item => Assert.Equal(Numbers.Of(item.Value), Numbers.Of(both.Second.Tensors[item.Key]))));
    }

    [Theory]
    [MemberData(nameof(Labels))]
    public void Learn_Task_LeavesThePreviousStateAlone(string label)
    {
        var method = ContinualMethods.Parse(label);
        using var first = AfterTasks(method, 1);
        var before = Values(first);

        using var second = Learn(method, first, 2);

        Assert.Equal(before, Values(first));
        Assert.NotEqual(before, Values(second));

        static float[] Values(AdapterState state) => [.. state.Sites.SelectMany(site => site.Tensors.OrderBy(item => item.Key, StringComparer.Ordinal)).SelectMany(item => Numbers.Of(item.Value))];
    }

    [Theory]
    [MemberData(nameof(Labels))]
    public void Lambda_OfAveragingMethods_GivesWeightsThatSumToOne(string label)
    {
        var method = ContinualMethods.Parse(label);
        var weights = Enumerable.Range(1, 7).Select(j => method.Lambda(j) * Enumerable.Range(j + 1, 7 - j).Aggregate(1.0, (product, k) => product * (1 - method.Lambda(k))));
        Assert.Equal(1, weights.Sum(), 12);
    }

    [Fact]
    public void Learn_StateOfOtherOptions_IsRefused()
    {
        using var first = AfterTasks(ContinualMethods.Parse("slao:init=random"), 1);

        var error = Assert.Throws<ArgumentException>(() => Learn(new Slao(), first, 2));

        Assert.Contains("slao:init=random", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Learn_CheckpointOfOtherOptions_IsRefused()
    {
        var run = new CuttableRun(_decoder, _folder, Options) { Method = ContinualMethods.Parse("ewc:lambda=5") };
        var checkpoint = run.CutAt(2);

        var error = Assert.Throws<CheckpointException>(() => (run with { Method = ContinualMethods.Parse("ewc:lambda=6") }).StateFrom(checkpoint));

        Assert.Equal(CheckpointFault.OtherOptions, error.Fault);
    }

    private AdapterState AfterTasks(IContinualMethod method, int count)
    {
        AdapterState? state = null;
        for (var i = 1; i <= count; i++)
        {
            var next = Learn(method, state, i);
            state?.Dispose();
            state = next;
        }

        return state!;
    }

    private AdapterState Learn(IContinualMethod method, AdapterState? previous, int task) =>
        ContinualLearner.Learn(_decoder, method, TinyModel.Lora, previous, TinyModel.Rows(task), Short, null, TestContext.Current.CancellationToken).State;
}
