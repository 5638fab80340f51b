using System.Diagnostics;
using ContinualService.Api.Errors;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tasks;

/// <summary>Puts what learns no new rows (previews, forecasts, replays, unlearnings) into the one line of the adapter's tasks.</summary>
internal sealed class SideTaskQueue(ServiceDbContext database, ITaskQueue queue, EventHub hub, TimeProvider time)
{
    /// <summary>A task whose rows are those of one that was learned: what it needs is there as long as that is.</summary>
    public LearningTask TaskOf(Caller caller, Adapter adapter, LearningTask learned, LearningTaskKind kind) => new()
    {
        Id = Ids.New("task"),
        Kind = kind,
        TenantId = caller.TenantId,
        AdapterId = adapter.Id,
        Name = learned.Name,
        TrainDatasetId = learned.TrainDatasetId,
        EvaluationDatasetId = learned.EvaluationDatasetId,
        Metric = learned.Metric,
        LabelsJson = learned.LabelsJson,
        HyperparametersJson = learned.HyperparametersJson,
        TraceParent = Activity.Current?.Id,
        BaseDigest = learned.BaseDigest,
        CreatedAt = time.GetUtcNow(),
    };

    /// <summary>Writes both rows, event, audit entry and message in one transaction; null: done.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="adapter">Whose line.</param>
    /// <param name="head">The head that the request was checked against; null where it does not matter.</param>
    /// <param name="task">Of <see cref="TaskOf"/>.</param>
    /// <param name="kind">What is asked for, as event and audit log name it.</param>
    /// <param name="id">Id of <paramref name="row"/>.</param>
    /// <param name="row">What the task is for.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="others">Rows that go with them.</param>
    public async Task<Problem?> SendAsync(
        Caller caller, Adapter adapter, int? head, LearningTask task, string kind, string id, object row, CancellationToken cancellationToken, params IEnumerable<object> others)
    {
        await using var scope = WriteScope.Begin(database, queue);
        await database.LockTenantAsync(caller.TenantId, cancellationToken);
        if (!await database.Adapters.AnyAsync(other => other.Id == adapter.Id && other.DeletedAt == null && (head == null || other.HeadVersion == head), cancellationToken))
            return new Problem(ProblemTypes.WrongState, $"The adapter '{adapter.Name}' changed while this request was checked. Send it again.");
        database.AddRange([.. others, task, row]);
        await database.AppendEventAsync(task.Id, TaskEventTypes.Queued, new Dictionary<string, string> { [kind] = id }, task.CreatedAt, cancellationToken);
        database.Record(caller, $"{kind}.create", id, task.CreatedAt);
        await database.SaveChangesAsync(cancellationToken);
        scope.Wake(task.Id);
        await scope.CommitAsync(cancellationToken);
        hub.Publish(task.Id);
        return null;
    }
}
