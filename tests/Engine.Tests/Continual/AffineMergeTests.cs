using ContinualService.Domain.Previews;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class AffineMergeTests : IDisposable
{
    private static readonly TrainingOptions Options = new() { LearningRate = 1e-2, Epochs = 1, BatchSize = 2 };

    private readonly string _folder = Directory.CreateTempSubdirectory("affine-").FullName;
    private readonly Decoder _decoder = TinyModel.Create();

    public void Dispose()
    {
        _decoder.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public static TheoryData<string, double> Cases()
    {
        var cases = new TheoryData<string, double>();
        foreach (var method in new[] { "slao", "slao:init=random", "slao:init=last-merge", "slao:merge=freb-ma", "slao:merge=frea-mb", "slao:merge=ftba-ma", "slao:merge=ftba-mba", "slao:merge=ftba-mb", "soup" })
            foreach (var lambda in new[] { 0, 0.1, 0.375, 1 }) cases.Add(method, lambda);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void MergeAt_AnyLambda_GivesTheFilesOfTrainingWithIt(string label, double lambda)
    {
        var method = (IAffineMerge)ContinualMethods.Parse(label);
        using var first = Learn(method, null, 1);
        using var second = Learn(method, first, 2);
        using var third = Learn(method, second, 3);
        using var trained = Learn(new FixedLambda(method, _ => lambda), second, 3);

        using var merged = method.MergeAt(third, second, MergeSchedule.Of(lambda), _decoder.Config.LayerCount);

        Assert.Equal(3, merged.TaskIndex);
        Assert.Equal(StateBytes(trained), StateBytes(merged));
        Assert.Equal(WeightBytes(trained), WeightBytes(merged));
        if (lambda != 1) Assert.NotEqual(WeightBytes(third), WeightBytes(merged));
    }

    [Theory]
    [InlineData("slao")]
    [InlineData("slao:merge=ftba-mba")]
    [InlineData("soup")]
    public void MergeAt_ALambdaForEachLayer_GivesTheFilesOfTrainingWithThem(string label)
    {
        var method = (IAffineMerge)ContinualMethods.Parse(label);
        using var first = Learn(method, null, 1);
        using var second = Learn(method, first, 2);
        using var trained = Learn(new FixedLambda(method, Scheduled), first, 2);

        using var merged = method.MergeAt(second, first, MergeSchedule.Linear(0.125, 0.7), 2);

        Assert.Equal(2, _decoder.Config.LayerCount);
        Assert.Equal(StateBytes(trained), StateBytes(merged));
        Assert.Equal(WeightBytes(trained), WeightBytes(merged));

        // By its path, as the checkpoint names it.
        static double Scheduled(LinearSite site) => site.Path.StartsWith("model.layers.1.", StringComparison.Ordinal) ? 0.7 : 0.125;
    }

    [Theory]
    [InlineData("slao")]
    [InlineData("slao:merge=ftba-mba")]
    [InlineData("soup")]
    public void MergeAt_TheMethodsOwnLambda_GivesTheStateBack(string label)
    {
        var method = (IAffineMerge)ContinualMethods.Parse(label);
        using var first = Learn(method, null, 1);
        using var second = Learn(method, first, 2);

        using var merged = method.MergeAt(second, first, MergeSchedule.Of(method.Lambda(2)), _decoder.Config.LayerCount);

        Assert.Equal(StateBytes(second), StateBytes(merged));
    }

    [Fact]
    public void Methods_WithALambda_AreThese() =>
        Assert.Equal(["slao", "soup"], ContinualMethods.All.Where(method => method is IAffineMerge).Select(method => method.Name));

    private AdapterState Learn(IContinualMethod method, AdapterState? previous, int task) =>
        ContinualLearner.Learn(_decoder, method, TinyModel.Lora, previous, TinyModel.Rows(task), Options, null, TestContext.Current.CancellationToken).State;

    private byte[] StateBytes(AdapterState state)
    {
        var path = Path.Combine(_folder, "state.safetensors");
        state.Save(path, "digest");
        return File.ReadAllBytes(path);
    }

    private byte[] WeightBytes(AdapterState state)
    {
        using var served = state.ServingWeights();
        PeftAdapter.Save(_folder, state.ServedConfig, served, "base");
        return File.ReadAllBytes(Path.Combine(_folder, PeftAdapter.WeightsFile));
    }

    /// <summary>The method, trained as ever, with another lambda in its merge: written out anew, number by number, of the tuned pair and the state before.</summary>
    private sealed class FixedLambda(IContinualMethod method, Func<LinearSite, double> lambdaOf) : IContinualMethod
    {
        public string Name => method.Name;

        public MethodOptions Options => method.Options;

        public double Lambda(int taskIndex) => method.Lambda(taskIndex);

        public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) => method.Layout(config, site, taskIndex);

        public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator) => method.StartTask(decoder, config, previous, generator);

        public (Tensor A, Tensor B) Serve(AdapterSite site) => method.Serve(site);

        public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous)
        {
            using var scope = NewDisposeScope();
            var replacesB = Options.ToString().Contains("freb-ma", StringComparison.Ordinal) || Options.ToString().Contains("ftba-ma", StringComparison.Ordinal) && !Options.ToString().Contains("mba", StringComparison.Ordinal);
            return new AdapterState(config, this, previous!.TaskIndex + 1, [.. tuned.Lora.Pairs.Select((pair, index) =>
            {
                var last = previous.Sites[index];
                Dictionary<string, Tensor> tensors = new()
                {
                    [StateTensor.FineTunedA] = pair.A.detach().clone(),
                    [StateTensor.FineTunedB] = pair.B.detach().clone(),
                    [StateTensor.MergedB] = replacesB ? pair.B.detach().clone() : Between(last.BMerged, pair.B, lambdaOf(pair.Site)),
                };
                if (last.Tensors.TryGetValue(StateTensor.MergedA, out var mergedA)) tensors[StateTensor.MergedA] = Between(mergedA, pair.A, lambdaOf(pair.Site));
                return new AdapterSite(pair.Site, tensors);
            })]);
        }

        private static Tensor Between(Tensor last, Tensor tuned, double lambda)
        {
            float[] next = [.. Numbers.Of(last).Zip(Numbers.Of(tuned), (from, to) => (float)(from + lambda * ((double)to - from)))];
            return tensor(next).view(last.shape);
        }
    }
}
