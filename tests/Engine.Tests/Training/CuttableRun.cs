using ContinualService.Engine.Continual;
using ContinualService.Engine.Data;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using Xunit;

namespace ContinualService.Engine.Tests.Training;

/// <summary>One task on the tiny decoder that is cut at chosen steps, goes through a file each time, and is continued.</summary>
internal sealed record CuttableRun(Decoder Decoder, string Folder, TrainingOptions Options)
{
    public const string BaseDigest = "the tiny decoder";

    public IContinualMethod Method { get; init; } = new Slao();

    public AdapterState? Previous { get; init; }

    public IReadOnlyList<EncodedExample> Rows { get; init; } = TinyModel.Rows(1);

    public string Base { get; init; } = BaseDigest;

    public LoraConfig Lora { get; init; } = TinyModel.Lora;

    /// <summary>All that was reported, over all sittings.</summary>
    public List<LearningProgress> Reports { get; } = [];

    public IReadOnlyList<TrainingStep> Steps => [.. Reports.Select(report => report.Step).OfType<TrainingStep>()];

    /// <summary>The bytes of the state that the run ends with.</summary>
    public byte[] StateAfterCutsAt(params int[] cuts)
    {
        string? path = null;
        foreach (var cut in cuts) path = CutAt(cut, path);
        return StateFrom(path);
    }

    /// <summary>Runs from a checkpoint (null: from the start) up to <paramref name="step"/> and gives the path of the checkpoint there.</summary>
    public string CutAt(int step, string? from = null)
    {
        var path = Path.Combine(Folder, $"{Guid.NewGuid():N}.safetensors");
        Assert.Equal(new LearningOutcome.Stopped(step), Learn(from, (made, _) => made == step ? CheckpointDecision.WriteAndStop : CheckpointDecision.GoOn, written => written.Save(path)));
        return path;
    }

    public byte[] StateFrom(string? checkpoint)
    {
        var learned = Assert.IsType<LearningOutcome.Learned>(Learn(checkpoint, (_, _) => CheckpointDecision.GoOn, _ => Assert.Fail("Nobody wanted a checkpoint.")));
        using var state = learned.Task.State;
        var path = Path.Combine(Folder, "state.safetensors");
        state.Save(path, Base);
        return File.ReadAllBytes(path);
    }

    public LearningOutcome Learn(string? checkpoint, Func<int, int, CheckpointDecision> decide, Action<TrainingCheckpoint> write)
    {
        using var from = checkpoint is null ? null : TrainingCheckpoint.Load(checkpoint);
        var checkpointing = new Checkpointing { BaseDigest = Base, From = from, Decide = decide, Write = write };
        return ContinualLearner.Learn(
            Decoder, Method, Lora, Previous, Rows, Options, checkpointing, new SynchronousProgress<LearningProgress>(Reports.Add), TestContext.Current.CancellationToken);
    }
}
