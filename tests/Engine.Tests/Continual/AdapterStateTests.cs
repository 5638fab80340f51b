using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using Xunit;

namespace ContinualService.Engine.Tests.Continual;

public sealed class AdapterStateTests : IDisposable
{
    private const string Digest = "0123456789abcdef";
    private readonly string _folder = Directory.CreateTempSubdirectory("state-").FullName;
    private readonly Decoder _decoder = TinyModel.Create();

    public void Dispose()
    {
        _decoder.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void SaveAndLoad_State_IsTheSameBitForBit()
    {
        using var state = AfterTasks(2);
        var path = Path.Combine(_folder, "state.safetensors");
        state.Save(path, Digest, new Dictionary<string, string> { ["task"] = "t-1" });
        using var loaded = AdapterState.Load(path, _decoder, Digest, TinyModel.Lora);
        Assert.Equal(state.TaskIndex, loaded.TaskIndex);
        Assert.Equal(state.Method.Label(), loaded.Method.Label());
        Assert.Equal(state.Config.Alpha, loaded.Config.Alpha);
        Assert.Equal(state.Config.TargetModules, loaded.Config.TargetModules);
        foreach (var (one, other) in state.Sites.Zip(loaded.Sites))
        {
            Assert.Equal(one.Site, other.Site);
            Assert.Equal(Numbers.Of(one.AFineTuned), Numbers.Of(other.AFineTuned));
            Assert.Equal(Numbers.Of(one.BFineTuned), Numbers.Of(other.BFineTuned));
            Assert.Equal(Numbers.Of(one.BMerged), Numbers.Of(other.BMerged));
        }
    }

    [Fact]
    public void Save_NamesAndMetadata_AreThoseOfTheFormat()
    {
        using var state = AfterTasks(1);
        var path = Path.Combine(_folder, "state.safetensors");
        state.Save(path, Digest);
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(3 * _decoder.Linears.Count, file.Names.Count);
        Assert.Contains("a_ft.model.layers.0.self_attn.q_proj", file.Names);
        Assert.Contains("b_ft.model.layers.1.mlp.down_proj", file.Names);
        Assert.Contains("b_merge.model.layers.1.mlp.down_proj", file.Names);
        Assert.Equal("1", file.Metadata["i"]);
        Assert.Equal("slao", file.Metadata["method"]);
        Assert.Equal("3", file.Metadata["rank"]);
        Assert.Equal("6", file.Metadata["alpha"]);
        Assert.Equal(Digest, file.Metadata["base_digest"]);
    }

    [Fact]
    public void Save_FirstAndTwentiethTask_SameBytes()
    {
        using var first = AfterTasks(1);
        using var twentieth = AfterTasks(20);
        Assert.Equal(20, twentieth.TaskIndex);
        first.Save(Path.Combine(_folder, "1"), Digest);
        twentieth.Save(Path.Combine(_folder, "20"), Digest);
        Assert.Equal(new FileInfo(Path.Combine(_folder, "1")).Length, new FileInfo(Path.Combine(_folder, "20")).Length);
    }

    [Fact]
    public void Load_AnotherBase_IsRefused()
    {
        var error = Assert.Throws<ModelFormatException>(() => AdapterState.Load(Saved(), _decoder, "fedcba9876543210"));
        Assert.Contains("another base model", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_AnotherShape_IsRefused()
    {
        var path = Saved();
        Assert.Contains("rank 3", Assert.Throws<ModelFormatException>(() => AdapterState.Load(path, _decoder, Digest, TinyModel.Lora with { Rank = 4 })).Message, StringComparison.Ordinal);
        Assert.Throws<ModelFormatException>(() => AdapterState.Load(path, _decoder, Digest, TinyModel.Lora with { Alpha = 7 }));
        Assert.Throws<ModelFormatException>(() => AdapterState.Load(path, _decoder, Digest, TinyModel.Lora with { TargetModules = ["q_proj"] }));
    }

    [Theory]
    [InlineData("magic", "{}", "slao, seqlora")]
    [InlineData("slao", "{\"init\": \"zero\"}", "last-fine-tune")]
    [InlineData("slao", "[]", "JSON object")]
    [InlineData("ewc", "{}", "omega_a")] // known, and it keeps more
    public void Load_OfAMethodThatIsNotTheFiles_IsRefused(string method, string options, string says)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        var (path, changed) = (Saved(), Path.Combine(_folder, "changed.safetensors"));
        using (var file = SafetensorsFile.Open(path))
            SafetensorsWriter.Write(changed, file.Names.ToDictionary(name => name, file.Read), new Dictionary<string, string>(file.Metadata) { ["method"] = method, ["method_options"] = options });

        Assert.Contains(says, Assert.Throws<ModelFormatException>(() => AdapterState.Load(changed, _decoder, Digest)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_WithOtherTensorsThanTheMethodKeeps_IsRefused()
    {
        using var state = AfterTasks(1);

        var error = Assert.Throws<ArgumentException>(() => new AdapterState(state.Config, new Ewc(), 1, state.Sites));

        Assert.Contains("omega_a [3, 16]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ServingWeights_State_AreTheLastAAndTheMergedB()
    {
        using var state = AfterTasks(2);
        using var served = state.ServingWeights();
        foreach (var (pair, site) in served.Pairs.Zip(state.Sites))
        {
            Assert.Equal(Numbers.Of(site.AFineTuned), Numbers.Of(pair.A));
            Assert.Equal(Numbers.Of(site.BMerged), Numbers.Of(pair.B));
            Assert.Equal(2, pair.Scale);
        }
    }

    [Fact]
    public void DeltaNorm_OfServed_EqualsTheNormOfTheProducts()
    {
        using var state = AfterTasks(1);
        using var served = state.ServingWeights();
        var squares = served.Pairs.Sum(pair =>
        {
            using var delta = pair.B.mm(pair.A).mul(pair.Scale);
            return Numbers.Of(delta).Sum(value => (double)value * value);
        });
        Assert.Equal(Math.Sqrt(squares), DeltaNorm.Of(served), 1e-5);
    }

    private string Saved()
    {
        using var state = AfterTasks(1);
        var path = Path.Combine(_folder, "saved.safetensors");
        state.Save(path, Digest);
        return path;
    }

    private AdapterState AfterTasks(int count)
    {
        AdapterState? state = null;
        for (var i = 1; i <= count; i++)
        {
            var next = ContinualLearner.Learn(_decoder, new Slao(), TinyModel.Lora, state, TinyModel.Rows(i % 3), new TrainingOptions { LearningRate = 1e-2, Epochs = 1, BatchSize = 6 }).State;
            state?.Dispose();
            state = next;
        }

        return state!;
    }
}
