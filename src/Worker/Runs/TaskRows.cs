using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Worker.Runs;

/// <summary>How many rows a task was sent with.</summary>
/// <param name="Training">To train on.</param>
/// <param name="HeldOut">Held out; 0: none.</param>
public sealed record TaskRows(int Training, int HeldOut)
{
    /// <summary>By the ids of the tasks.</summary>
    public static async Task<Dictionary<string, TaskRows>> OfAsync(ServiceDbContext database, IReadOnlyCollection<string> taskIds, CancellationToken cancellationToken) =>
        await (
            from task in database.Tasks
            where taskIds.Contains(task.Id)
            join training in database.Datasets on task.TrainDatasetId equals training.Id
            join heldOut in database.Datasets on task.EvaluationDatasetId equals heldOut.Id into given
            from heldOut in given.DefaultIfEmpty()
            select new { task.Id, Training = training.RowCount, HeldOut = heldOut == null ? 0 : heldOut.RowCount }).ToDictionaryAsync(row => row.Id, row => new TaskRows(row.Training, row.HeldOut), cancellationToken);
}
