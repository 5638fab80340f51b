namespace ContinualService.Domain.Evaluation;

/// <summary>
/// The formulas of continual learning over an <see cref="AccuracyMatrix"/>. Each returns null where it is undefined: fewer than
/// two tasks for the transfers, or a needed cell not measured. Definitions differ between frameworks (some divide by T instead
/// of T - 1), so every payload that carries a number carries the text of <see cref="Formulas"/> beside it.
/// </summary>
public static class ContinualMetrics
{
    public const string AverageAccuracyName = "averageAccuracy";
    public const string BackwardTransferName = "backwardTransfer";
    public const string ForgettingName = "forgetting";
    public const string TaskForgettingName = "taskForgetting";
    public const string ForwardTransferName = "forwardTransfer";
    public const string TaskForwardTransferName = "taskForwardTransfer";
    public const string LearningAccuracyName = "learningAccuracy";
    public const string IntransigenceName = "intransigence";
    public const string LargestOrderDisparityName = "largestOrderDisparity";
    public const string MeanOrderDisparityName = "meanOrderDisparity";

    /// <summary>Name of a metric to the text of its formula.</summary>
    public static IReadOnlyDictionary<string, string> Formulas { get; } = new Dictionary<string, string>
    {
        [AverageAccuracyName] = "AA = (1/T) sum_{i=1..T} a[i,T]",
        [BackwardTransferName] = "BWT = (1/(T-1)) sum_{i=1..T-1} (a[i,T] - a[i,i])",
        [ForgettingName] = "F = (1/(T-1)) sum_{i=1..T-1} (max_{1<=t<T} a[i,t] - a[i,T])",
        [TaskForgettingName] = "F[i,t] = max_{1<=s<t} a[i,s] - a[i,t]",
        [ForwardTransferName] = "FWT = (1/(T-1)) sum_{i=2..T} (a[i,i-1] - a[i,0])",
        [TaskForwardTransferName] = "FWT[i] = a[i,i-1] - a[i,0], from the second task on",
        [LearningAccuracyName] = "LA = (1/T) sum_{i=1..T} a[i,i]",
        [IntransigenceName] = "I = (1/T) sum_{i=1..T} (a*[i] - a[i,i]), a* = task i trained alone",
        [LargestOrderDisparityName] = "MOPD = max_i (max_o a_o[i,T] - min_o a_o[i,T]) over task orders o",
        [MeanOrderDisparityName] = "AOPD = (1/T) sum_{i=1..T} (max_o a_o[i,T] - min_o a_o[i,T]) over task orders o",
    };

    /// <summary>Mean score over all tasks after the last one.</summary>
    public static double? AverageAccuracy(AccuracyMatrix matrix) =>
        Mean(1, matrix.TaskCount, task => matrix.Score(task, matrix.TaskCount));

    /// <summary>What later tasks did to earlier ones; negative means forgetting.</summary>
    public static double? BackwardTransfer(AccuracyMatrix matrix) =>
        Mean(1, matrix.TaskCount - 1, task => matrix.Score(task, matrix.TaskCount) - matrix.Score(task, task));

    /// <summary>Drop from each earlier task's best score before the last task; 0 or less means nothing was lost.</summary>
    public static double? Forgetting(AccuracyMatrix matrix) =>
        Mean(1, matrix.TaskCount - 1, task => Forgetting(matrix, task, matrix.TaskCount));

    /// <summary>Drop from a task's best score before a version to its score there; below 0 it got better. Null before there is an earlier score; the base's is none.</summary>
    public static double? Forgetting(AccuracyMatrix matrix, int task, int version) => BestBefore(matrix, task, version) - matrix.Score(task, version);

    /// <summary>What earlier tasks gave to a task before it was trained, over the base model.</summary>
    public static double? ForwardTransfer(AccuracyMatrix matrix) =>
        Mean(2, matrix.TaskCount, task => ForwardTransfer(matrix, task));

    /// <summary>What earlier tasks gave to one task. Null for the first: the version before it is the base.</summary>
    public static double? ForwardTransfer(AccuracyMatrix matrix, int task) => task < 2 ? null : matrix.Score(task, task - 1) - matrix.Score(task, 0);

    /// <summary>Mean score of each task right after it was trained.</summary>
    public static double? LearningAccuracy(AccuracyMatrix matrix) =>
        Mean(1, matrix.TaskCount, task => matrix.Score(task, task));

    /// <summary>What continual training cost in learning, against each task trained alone.</summary>
    /// <param name="matrix">The stream's matrix.</param>
    /// <param name="singleTaskScores">a*[i] for i = 1..T in order; null where no reference was run, which makes the result null.</param>
    public static double? Intransigence(AccuracyMatrix matrix, IReadOnlyList<double?> singleTaskScores)
    {
        if (singleTaskScores.Count != matrix.TaskCount)
            throw new ArgumentException($"{singleTaskScores.Count} references for {matrix.TaskCount} tasks.", nameof(singleTaskScores));
        return Mean(1, matrix.TaskCount, task => singleTaskScores[task - 1] - matrix.Score(task, task));
    }

    // Cells before the task's own training count where they were measured (the maximum starts at version 1), but only the ones
    // from its training on are required: a task's rows are usually unknown earlier.
    private static double? BestBefore(AccuracyMatrix matrix, int task, int end)
    {
        double? best = null;
        for (var version = 1; version < end; version++)
        {
            var score = matrix.Score(task, version);
            if (score is null && version >= task) return null;
            if (score is not null && (best is null || score > best)) best = score;
        }

        return best;
    }

    private static double? Mean(int first, int last, Func<int, double?> term)
    {
        if (last < first) return null;
        var sum = 0.0;
        for (var task = first; task <= last; task++)
        {
            if (term(task) is not { } value) return null;
            sum += value;
        }

        return sum / (last - first + 1);
    }
}
