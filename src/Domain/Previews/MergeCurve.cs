using ContinualService.Domain.Adapters;
using ContinualService.Domain.Evaluation;

namespace ContinualService.Domain.Previews;

/// <summary>
/// The curve of a preview. What is forgotten is counted from each task's best earlier score, as in the matrix, and that score is taken as given: the interval of
/// the mean joins those of the tasks' scores as independent, low = mean - sqrt(sum (high_i - s_i)^2) / n, high = mean + sqrt(sum (s_i - low_i)^2) / n.
/// </summary>
/// <param name="AdapterId">Whose.</param>
/// <param name="Path">The versions of tasks that lead to the previewed one, oldest first, and it.</param>
/// <param name="Parent">The version that its task started from.</param>
/// <param name="Cells">The adapter's matrix.</param>
public sealed record MergeCurve(string AdapterId, IReadOnlyList<AdapterVersion> Path, int? Parent, IReadOnlyList<AdapterMatrixCell> Cells)
{
    public IReadOnlyList<MergePoint> Of(IEnumerable<PreviewPoint> points) => [.. points.Select(Of)];

    private MergePoint Of(PreviewPoint point)
    {
        List<string> tasks = [.. Path.Select(version => version.TaskId!)];
        List<int> versions = [0, .. Path.Select(version => version.Number)];
        var last = tasks.Count;
        var measured = point.Scores.Select(score => score.CellOf(AdapterId, versions[last])).ToList();
        var earlier = Cells.Where(cell => cell.VersionNumber != versions[last] && tasks.Contains(cell.TaskId) && versions.Contains(cell.VersionNumber));
        var matrix = new AccuracyMatrix(tasks, earlier.Concat(measured).Select(cell => cell.At(tasks.IndexOf(cell.TaskId) + 1, versions.IndexOf(cell.VersionNumber))));
        var newTask = matrix[last, last]!;
        var before = Cells.SingleOrDefault(cell => cell.TaskId == tasks[^1] && cell.VersionNumber == Parent)?.At(last, 0).Score;
        var scored = point.Scores.Select(score => tasks.IndexOf(score.TaskId) + 1)
            .Select(task => (TaskId: tasks[task - 1], Cell: matrix[task, last]!, Forgetting: task == last ? null : ContinualMetrics.Forgetting(matrix, task, last))).ToList();
        var lost = scored.FindAll(task => task.Forgetting is not null);
        var mean = lost.Count == 0 ? (double?)null : lost.Average(task => task.Forgetting!.Value);
        return new MergePoint(
            point.Merge(), point.Lambda, newTask, newTask.Score - before, scored, mean, lost.Count == 0 ? null : lost.Max(task => task.Forgetting),
            mean - Joined(task => task.High - task.Score), mean + Joined(task => task.Score - task.Low), ContinualMetrics.AverageAccuracy(matrix), point.Gate);

        double Joined(Func<MatrixCell, double> half) => Math.Sqrt(lost.Sum(task => Math.Pow(half(task.Cell), 2))) / lost.Count;
    }
}
