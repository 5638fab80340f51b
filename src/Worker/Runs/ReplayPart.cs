using ContinualService.Domain.Tasks;

namespace ContinualService.Worker.Runs;

/// <summary>One task that is learned once more, or one state that a task's pair is taken out of.</summary>
/// <param name="Number">The version that the task made the first time.</param>
/// <param name="TaskId">The task.</param>
/// <param name="Train">Its rows.</param>
/// <param name="Hyperparameters">As it was sent.</param>
/// <param name="Evaluations">What is scored afterwards, this task's own rows last; empty: nothing.</param>
/// <param name="Merge">Text of the <see cref="Domain.Previews.MergeSchedule"/> with which it is merged; null: the method's own.</param>
/// <param name="State">The stored state of the version: what is compared with, or what the pair is taken out of; null: not needed.</param>
/// <param name="MicroBatches">How its steps were cut the first time; null: not written down.</param>
/// <param name="Precision">What the base computed in the first time; null: not written down.</param>
/// <param name="Without">The number of the task whose pair is taken out of the state; null: the task is learned.</param>
/// <param name="Base">How the frozen base is held, see <see cref="RunSpec.Base"/>.</param>
internal sealed record ReplayPart(
    int Number, string TaskId, StoredFile Train, Hyperparameters Hyperparameters, IReadOnlyList<EvaluationSpec> Evaluations, string? Merge, StoredFile? State, string? MicroBatches = null, string? Precision = null, int? Without = null,
    string Base = "full")
{
    /// <summary>Under which name a part's file lies in the run's folder once the next part has begun.</summary>
    public static string FileOf(int part, string file) => FormattableString.Invariant($"{part}-{file}");
}
