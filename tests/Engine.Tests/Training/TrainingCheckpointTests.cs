using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using CsCheck;
using Xunit;

namespace ContinualService.Engine.Tests.Training;

public sealed class TrainingCheckpointTests : IDisposable
{
    private static readonly TrainingOptions Options = new() { LearningRate = 1e-2, Epochs = 4, BatchSize = 2, Dropout = 0.1 };

    private readonly string _folder = Directory.CreateTempSubdirectory("checkpoint-").FullName;
    private readonly Decoder _decoder = TinyModel.Create();
    private readonly CuttableRun _run;

    public TrainingCheckpointTests() => _run = new CuttableRun(_decoder, _folder, Options);

    public void Dispose()
    {
        _decoder.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void SaveAndLoad_Checkpoint_IsTheSame()
    {
        using var once = TrainingCheckpoint.Load(_run.CutAt(3));
        var again = Path.Combine(_folder, "again.safetensors");
        once.Save(again);
        using var twice = TrainingCheckpoint.Load(again);

        Assert.Equal((3, 12), (twice.Step, twice.TotalSteps));
        Assert.Equal(once.Inputs, twice.Inputs);
        Assert.Equal(once.Totals, twice.Totals);
        Assert.True(once.Totals.FirstLoss > 0 && once.Totals.TrainedTokens > 0 && once.Totals.Seconds > 0);
        Assert.Equal(Numbers.Of(once.Weights), Numbers.Of(twice.Weights));
        Assert.Equal(Numbers.Of(once.Mean), Numbers.Of(twice.Mean));
        Assert.Equal(Numbers.Of(once.Variance), Numbers.Of(twice.Variance));
        Assert.NotEqual(0, once.Variance.sum().item<float>());
        Assert.Empty(Directory.EnumerateFiles(_folder, "*.partial"));
    }

    [Fact]
    public void Save_Metadata_NamesTheRun()
    {
        using var file = SafetensorsFile.Open(_run.CutAt(3));

        Assert.Equal(["moments.mean", "moments.variance", "weights"], file.Names);
        Assert.Equal(("2", "0000000003", "0000000012"), (file.Metadata["version"], file.Metadata["step"], file.Metadata["total_steps"]));
        Assert.Equal(CuttableRun.BaseDigest, file.Metadata["base_digest"]);
        Assert.All(["options_digest", "rows_digest", "previous_state_digest", "content_sha256"], key => Assert.Equal(64, file.Metadata[key].Length));
    }

    [Fact]
    public void Save_AnyStepOfAnyTask_HasTheSameLength()
    {
        HashSet<long> lengths = [Length(_run, 0), Length(_run, 1), Length(_run, 12)];
        AdapterState? state = null;
        for (var task = 1; task <= 3; task++)
        {
            var next = ContinualLearner.Learn(_decoder, new Slao(), TinyModel.Lora, state, TinyModel.Rows(task), Options, null, TestContext.Current.CancellationToken).State;
            state?.Dispose();
            state = next;
            lengths.Add(Length(_run with { Previous = state, Rows = TinyModel.Rows(task + 1) }, 5));
        }

        state!.Dispose();
        Assert.Single(lengths);

        static long Length(CuttableRun run, int step) => new FileInfo(run.CutAt(step)).Length;
    }

    [Fact]
    public void Load_TruncatedAnywhere_IsRefusedByName()
    {
        var path = _run.CutAt(3);
        var whole = File.ReadAllBytes(path);

        Gen.Int[0, whole.Length - 1].Sample(
            length =>
            {
                File.WriteAllBytes(path, whole[..length]);
                var error = Assert.Throws<CheckpointException>(() => TrainingCheckpoint.Load(path));
                Assert.Equal(CheckpointFault.Damaged, error.Fault);
                Assert.Contains(path, error.Message, StringComparison.Ordinal);
                Assert.Contains("first step", error.Message, StringComparison.Ordinal);
            },
            iter: 200,
            threads: 1);
    }

    [Fact]
    public void Load_OneBitFlippedAnywhere_IsRefused()
    {
        var path = _run.CutAt(3);
        var whole = File.ReadAllBytes(path);

        // The header is where a flipped bit could mean something else; the data is one hash.
        Gen.OneOf(Gen.Int[0, 2000], Gen.Int[0, whole.Length - 1]).Select(Gen.Int[0, 7]).Sample(
            (at, bit) =>
            {
                var altered = whole.ToArray();
                altered[at] ^= (byte)(1 << bit);
                File.WriteAllBytes(path, altered);
                Assert.Throws<CheckpointException>(() => TrainingCheckpoint.Load(path));
            },
            iter: 400,
            threads: 1);
    }

    [Fact]
    public void Load_NoCheckpoint_IsRefused()
    {
        var path = Path.Combine(_folder, "state.safetensors");
        _run.StateFrom(null);

        Assert.Contains("no checkpoint", Assert.Throws<CheckpointException>(() => TrainingCheckpoint.Load(path)).Message, StringComparison.Ordinal);
        Assert.Contains("does not exist", Assert.Throws<CheckpointException>(() => TrainingCheckpoint.Load(path + "x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_AnotherVersion_SaysWhich()
    {
        var path = _run.CutAt(3);
        using (var file = SafetensorsFile.Open(path))
        {
            var facts = file.Metadata.ToDictionary();
            facts["version"] = "0";
            var tensors = file.Names.ToDictionary(name => name, file.Read);
            SafetensorsWriter.Write(path, tensors, facts);
            foreach (var tensor in tensors.Values) tensor.Dispose();
        }

        var error = Assert.Throws<CheckpointException>(() => TrainingCheckpoint.Load(path));

        Assert.Equal(CheckpointFault.OtherFormat, error.Fault);
        Assert.Contains("version 0", error.Message, StringComparison.Ordinal);
    }
}
