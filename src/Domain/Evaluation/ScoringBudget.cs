namespace ContinualService.Domain.Evaluation;

/// <summary>
/// How many held-out rows of each earlier task a run scores, so that its row of the matrix costs at most a share of its training however many tasks there were. By the arithmetic a row scored
/// (2 operations for each weight and token) costs half of one trained (4: the frozen weights have no gradient).
/// </summary>
public static class ScoringBudget
{
    /// <summary>So many rows of each task are scored whatever they cost: one alone has no interval.</summary>
    public const int LeastRows = 2;

    private const int ScoredForOneTrained = 2;

    /// <summary>
    /// The largest number that keeps the share, one for all tasks: what a task with fewer rows does not use is for those with more. Null: all rows of every task.
    /// </summary>
    /// <param name="share">Of the training, from 0; 0: no limit.</param>
    /// <param name="rowPasses">Rows that the task trains, each as often as it does.</param>
    /// <param name="leastRows">What somebody who decides by these rows needs of each task; the share gives way to it.</param>
    /// <param name="earlier">Of each earlier task its held-out rows, and under how many versions they are scored.</param>
    public static int? RowsEach(double share, long rowPasses, int leastRows, IReadOnlyCollection<(int Rows, int Versions)> earlier)
    {
        if (share == 0) return null;
        // As the share was written: in binary .29 of 100 rows is 28.
        var left = (long)((decimal)share * ScoredForOneTrained * rowPasses);
        var versions = earlier.Sum(task => (long)task.Versions);
        foreach (var task in earlier.OrderBy(task => task.Rows))
        {
            if (task.Rows * versions > left)
            {
                var rows = Math.Max(left / versions, Math.Max(LeastRows, leastRows));
                return rows < earlier.Max(each => each.Rows) ? (int)rows : null;
            }

            (left, versions) = (left - (long)task.Rows * task.Versions, versions - task.Versions);
        }

        return null;
    }
}
