using ContinualService.Domain.Adapters;

namespace ContinualService.Domain.Unlearnings;

/// <summary>Which versions of a lineage are made again when one task is taken out of it.</summary>
/// <param name="Kept">The versions before the first that is made again, oldest first: the new ones go on from the last of them.</param>
/// <param name="Again">The versions whose tasks are learned again, or recomputed, in this order. Never empty.</param>
public sealed record UnlearningPath(IReadOnlyList<AdapterVersion> Kept, IReadOnlyList<AdapterVersion> Again)
{
    /// <summary>Null where no task is left: what remains is the base, or the version that was imported.</summary>
    /// <param name="lineage">Oldest first; the removed task made one of them.</param>
    /// <param name="removedTaskId">The task that goes.</param>
    /// <param name="mode">An exact answer does not build on a version that is approximate itself.</param>
    public static UnlearningPath? Of(IReadOnlyList<AdapterVersion> lineage, string removedTaskId, UnlearnMode mode)
    {
        List<AdapterVersion> left = [.. lineage.Where(version => version.TaskId != removedTaskId)];
        if (left.TrueForAll(version => version.TaskId is null)) return null;
        var from = lineage.TakeWhile(version => version.TaskId != removedTaskId && !(mode == UnlearnMode.Exact && version.Unlearned == UnlearnMode.Approximate)).Count();
        // Where the last task goes, the one before it is made once more: the answer is a new version of its own, as ever.
        from = Math.Min(from, left.Count - 1);
        return new UnlearningPath(left[..from], left[from..]);
    }
}
