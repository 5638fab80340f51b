namespace ContinualService.Domain.Evaluation;

/// <summary>
/// The scores a[i, t] of a stream of tasks: tasks i = 1..T, versions t = 0..T where 0 is the base model. Cells may be missing
/// (a later task is often unknown while an earlier one is trained); a formula that needs a missing cell is undefined.
/// </summary>
public sealed class AccuracyMatrix
{
    private readonly Dictionary<(int Task, int Version), MatrixCell> _cells = [];

    /// <summary>Builds the matrix; throws <see cref="ArgumentException"/> on a cell out of range, given twice, or not finite.</summary>
    /// <param name="tasks">Names of tasks 1..T, in the order they were trained.</param>
    /// <param name="cells">Measured cells, in any order.</param>
    public AccuracyMatrix(IReadOnlyList<string> tasks, IEnumerable<MatrixCell> cells)
    {
        Tasks = [.. tasks];
        foreach (var cell in cells)
        {
            if (cell.Task < 1 || cell.Task > TaskCount || cell.Version < 0 || cell.Version > TaskCount)
                throw new ArgumentException($"Cell a[{cell.Task}, {cell.Version}] is outside a matrix of {TaskCount} tasks.", nameof(cells));
            if (!double.IsFinite(cell.Score))
                throw new ArgumentException($"Cell a[{cell.Task}, {cell.Version}] is not a finite number.", nameof(cells));
            if (!_cells.TryAdd((cell.Task, cell.Version), cell))
                throw new ArgumentException($"Cell a[{cell.Task}, {cell.Version}] is given twice.", nameof(cells));
        }
    }

    /// <summary>Names of the tasks; the first is task 1.</summary>
    public IReadOnlyList<string> Tasks { get; }

    /// <summary>T.</summary>
    public int TaskCount => Tasks.Count;

    /// <summary>The measured cells by task, then version.</summary>
    public IReadOnlyList<MatrixCell> Cells => [.. _cells.Values.OrderBy(cell => cell.Task).ThenBy(cell => cell.Version)];

    /// <summary>The cell a[task, version], or null where it was not measured.</summary>
    public MatrixCell? this[int task, int version] => _cells.GetValueOrDefault((task, version));

    /// <summary>The score a[task, version], or null where it was not measured.</summary>
    public double? Score(int task, int version) => this[task, version]?.Score;

    /// <summary>The matrix as it stood after the first <paramref name="taskCount"/> tasks.</summary>
    public AccuracyMatrix UpTo(int taskCount) =>
        new([.. Tasks.Take(taskCount)], _cells.Values.Where(cell => cell.Task <= taskCount && cell.Version <= taskCount));
}
