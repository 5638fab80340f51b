namespace ContinualService.Domain.Evaluation;

/// <summary>How much each task's final score depends on the order of the stream (OPD): its largest minus its smallest over orders.</summary>
/// <param name="Largest">MOPD, the maximum over tasks.</param>
/// <param name="Mean">AOPD, the mean over tasks.</param>
/// <param name="PerTask">OPD by task name.</param>
public sealed record OrderDisparity(double Largest, double Mean, IReadOnlyDictionary<string, double> PerTask)
{
    /// <summary>
    /// Computes it from the final matrices of the same tasks in at least two orders; null with fewer, without tasks, or where a final
    /// score was not measured. Throws <see cref="ArgumentException"/> where the orders do not hold the same tasks.
    /// </summary>
    public static OrderDisparity? Of(IReadOnlyList<AccuracyMatrix> orders)
    {
        if (orders.Count < 2 || orders[0].TaskCount == 0) return null;
        var perTask = new Dictionary<string, double>();
        foreach (var task in orders[0].Tasks)
        {
            var finals = orders.Select(order => FinalScore(order, task, orders[0].TaskCount)).ToList();
            if (finals.Contains(null)) return null;
            perTask[task] = (finals.Max() - finals.Min())!.Value;
        }

        return new OrderDisparity(perTask.Values.Max(), perTask.Values.Average(), perTask);
    }

    private static double? FinalScore(AccuracyMatrix order, string task, int taskCount)
    {
        var index = order.Tasks.ToList().IndexOf(task);
        if (index < 0 || order.TaskCount != taskCount)
            throw new ArgumentException($"The orders do not hold the same tasks: '{task}' is not in each of them.", nameof(order));
        return order.Score(index + 1, order.TaskCount);
    }
}
