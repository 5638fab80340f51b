using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Evaluation;
using ContinualService.Infrastructure.Database;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Adapters;

/// <summary>Reads an adapter's matrix from its rows and presents it as JSON, CSV or SVG.</summary>
internal sealed class MatrixReader(ServiceDbContext database)
{
    public static readonly string[] Formats = ["json", "csv", "svg"];

    public async Task<Outcome<MatrixResponse>> ReadAsync(string tenantId, string idOrName, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(tenantId, idOrName, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        var versions = await database.Versions.AsNoTracking().Where(row => row.AdapterId == adapter.Id).ToListAsync(cancellationToken);
        // What was imported was measured on nothing: the matrix begins with the first task learned here.
        var lineage = Lineage.To(versions, adapter.HeadVersion).FindAll(version => version.TaskId is not null);
        var taskIds = lineage.ConvertAll(version => version.TaskId!);
        var names = await database.Tasks.Where(row => taskIds.Contains(row.Id)).Select(row => new { row.Id, row.Name }).ToDictionaryAsync(row => row.Id, row => row.Name, cancellationToken);
        int[] numbers = [0, .. lineage.Select(version => version.Number)];
        // The adapter's cells are one range of the index; nearly all are of the lineage.
        var stored = await database.MatrixCells.AsNoTracking().Where(row => row.AdapterId == adapter.Id).ToListAsync(cancellationToken);
        var (inLineage, onTheWay) = (taskIds.ToHashSet(), numbers.ToHashSet());
        var cells = stored.FindAll(cell => inLineage.Contains(cell.TaskId) && onTheWay.Contains(cell.VersionNumber));
        return Build(taskIds, names, numbers, cells);
    }

    public static IResult Present(HttpRequest request, MatrixResponse matrix)
    {
        var format = AnswerFormat.Of(request, Formats);
        return format switch
        {
            "json" => TypedResults.Ok(matrix),
            "csv" => TypedResults.Text(MatrixCsv.Write(matrix), "text/csv; charset=utf-8"),
            "svg" => TypedResults.Text(MatrixSvg.Draw(matrix), "image/svg+xml"),
            _ => new Problem(ProblemTypes.UnsupportedFormat, $"There is no matrix format '{format}'. Formats: {string.Join(", ", Formats)}."),
        };
    }

    private static MatrixResponse Build(List<string> taskIds, Dictionary<string, string> names, int[] numbers, List<AdapterMatrixCell> cells)
    {
        // The formulas count tasks and versions by their place in the lineage, whatever their numbers are.
        var taskPlace = taskIds.Select((id, index) => (id, index)).ToDictionary(pair => pair.id, pair => pair.index + 1);
        var versionPlace = numbers.Select((number, index) => (number, index)).ToDictionary(pair => pair.number, pair => pair.index);
        var matrix = new AccuracyMatrix(taskIds, cells.Select(cell => cell.At(taskPlace[cell.TaskId], versionPlace[cell.VersionNumber])));
        var forgetting = cells.ToDictionary(cell => (taskPlace[cell.TaskId], versionPlace[cell.VersionNumber]), cell => cell.Forgetting);
        var scores = matrix.Cells.Select(cell =>
            new MatrixScore(taskIds[cell.Task - 1], numbers[cell.Version], Kind(cell), cell.Score, cell.Count, cell.Low, cell.High, cell.Metric, forgetting[(cell.Task, cell.Version)]));
        string[] carried =
        [
            ContinualMetrics.AverageAccuracyName, ContinualMetrics.BackwardTransferName, ContinualMetrics.ForgettingName,
            ContinualMetrics.ForwardTransferName, ContinualMetrics.LearningAccuracyName, ContinualMetrics.TaskForgettingName, ContinualMetrics.TaskForwardTransferName,
        ];
        var tasks = taskIds.Select(id => new MatrixTask(id, names[id], ContinualMetrics.ForwardTransfer(matrix, taskPlace[id])));
        return new MatrixResponse(
            [.. tasks], numbers, [.. scores], MatrixSummary.Of(matrix), carried.ToDictionary(name => name, name => ContinualMetrics.Formulas[name]));
    }

    // By place in the lineage: version i is the one that task i made.
    private static string Kind(MatrixCell cell) => cell.Version == 0 ? MatrixScore.Base : cell.Version < cell.Task ? MatrixScore.Before : cell.Version == cell.Task ? MatrixScore.Learned : MatrixScore.After;
}
