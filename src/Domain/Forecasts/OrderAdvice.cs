namespace ContinualService.Domain.Forecasts;

/// <summary>
/// In which order waiting tasks might be learned: those first that pull least against what is there and against one another. A heuristic: the later a task, the smaller its
/// weight in the merge, so that what conflicts most then changes least; and what pulls the same way comes while the weights are large. Nothing is reordered.
/// </summary>
public static class OrderAdvice
{
    /// <summary>The tasks in the advised order, each with how much it pulls against the others; of equals the earlier sent goes first. Empty for fewer than two.</summary>
    public static IReadOnlyList<(ForecastTask Task, double Pull)> Of(ForecastResult result) => result.Tasks.Count < 2 ? [] :
        [.. result.Tasks.Select((task, index) => (Task: task, Pull: PullOf(result, index))).OrderBy(each => each.Pull)];

    /// <summary>max(0, -cosine with what is written) + sum over the other tasks of max(0, -cosine of both gradients).</summary>
    private static double PullOf(ForecastResult result, int index) =>
        Math.Max(0, -(result.Tasks[index].Conflict?.Cosine ?? 0)) + result.Cosines[index].Where((_, other) => other != index).Sum(cosine => Math.Max(0, -cosine));
}
