using ContinualService.Domain.Adapters;
using ContinualService.Domain.Drift;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Unlearnings;

namespace ContinualService.Worker.Runs;

/// <summary>What a run starts from, as it stood when the run began.</summary>
/// <param name="Task">The task, with this run counted.</param>
/// <param name="Adapter">Its adapter.</param>
/// <param name="Ancestors">The versions that lead to the head, oldest first.</param>
/// <param name="Checkpoint">Where an earlier run got to; null: nowhere.</param>
/// <param name="Folder">The run's own folder.</param>
/// <param name="Preview">What is measured, where nothing is learned; the ancestors then end with the previewed version.</param>
internal sealed record RunPlan(LearningTask Task, Adapter Adapter, IReadOnlyList<AdapterVersion> Ancestors, TaskCheckpoint? Checkpoint, string Folder, MergePreview? Preview = null)
{
    /// <summary>What may change from the parent, where the adapter says nothing else.</summary>
    public DriftLimits DriftDefaults { get; init; } = new();

    /// <summary>The lineage that is trained once more and compared; the ancestors then end with the replayed version.</summary>
    public Replay? Replay { get; init; }

    /// <summary>What is unlearned; the ancestors then end with the version that it is taken out of.</summary>
    public Unlearning? Unlearning { get; init; }

    /// <summary>What becomes of the lineage then; null where nothing is unlearned.</summary>
    public UnlearningPath? Rebuilt { get; init; }

    /// <summary>The version the new one is made from; null for the first.</summary>
    public AdapterVersion? Parent => Ancestors.Count == 0 ? null : Ancestors[^1];

    /// <summary>The ancestors that tasks made: an imported version stands for none.</summary>
    public IEnumerable<AdapterVersion> Learned => Ancestors.Where(version => version.TaskId is not null);

    /// <summary>Whether it makes a version; previews and forecasts only measure.</summary>
    public bool Learns => Task.Kind == LearningTaskKind.Training;

    /// <summary>Whether a version comes of it.</summary>
    public bool Publishes => Learns || Unlearning is not null;

    public string SpecPath => Path.Combine(Folder, "spec.json");
}
