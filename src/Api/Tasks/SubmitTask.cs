using System.Diagnostics;
using System.Text.Json;
using ContinualService.Api.Adapters;
using ContinualService.Api.Datasets;
using ContinualService.Api.Errors;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Datasets;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Evaluation;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tasks;

/// <summary>
/// The one way a task comes into being:
/// <list type="number">
/// <item>a repeated Idempotency-Key gets its first answer;</item>
/// <item>everything is checked;</item>
/// <item>the rows are stored under their digests;</item>
/// <item>task, data sets, event, key, perhaps a new adapter, and the message that wakes a worker are written in one transaction.</item>
/// </list>
/// A crash before step 4 leaves nothing but unnamed bytes; one after it, a queued task with its message.
/// </summary>
internal sealed class SubmitTask(
    ServiceDbContext database, TaskValidation validation, TaskEstimator estimator, DatasetStore datasets, AdapterNames names, ITaskQueue queue, EventHub hub, TimeProvider time)
{
    public async Task<SubmitResult> RunAsync(Caller caller, Submission submission, CancellationToken cancellationToken)
    {
        // Step 1: idempotency.
        var tenantId = caller.TenantId;
        if (!submission.DryRun && await ReplayAsync(tenantId, submission.IdempotencyKey, submission.Sha256, cancellationToken) is { } earlier) return earlier;

        // Step 2: check.
        if ((await validation.CheckAsync(tenantId, submission, cancellationToken)).Failed(out var problem, out var draft)) return new SubmitResult.Refused(problem);
        if (submission.DryRun) return new SubmitResult.Estimated(await estimator.EstimateAsync(draft, cancellationToken));

        // Step 3: store the rows.
        var training = await PutAsync(tenantId, draft.Training, cancellationToken);
        var heldOut = draft.HeldOut is null ? null : await PutAsync(tenantId, draft.HeldOut, cancellationToken);

        // Step 4: one transaction; the tenant's other submissions wait.
        await using var scope = WriteScope.Begin(database, queue);
        await database.LockTenantAsync(tenantId, cancellationToken);
        if (await ReplayAsync(tenantId, submission.IdempotencyKey, submission.Sha256, cancellationToken) is { } faster) return faster;
        if (await ClaimAdapterAsync(caller, draft, cancellationToken) is not { } adapterId)
            return new SubmitResult.Refused(new Problem(ProblemTypes.WrongState, $"The adapter '{draft.Adapter.Name}' changed while this request was checked. Send it again."));
        var task = Build(tenantId, adapterId, draft, training.Id, heldOut?.Id);
        if (draft.Training.DatasetId is null) database.Datasets.Add(training);
        if (heldOut is not null && draft.HeldOut!.DatasetId is null) database.Datasets.Add(heldOut);
        database.Tasks.Add(task);
        if (submission.Job is { } job) database.FineTuningJobs.Add(job(task.Id));
        if (submission.IdempotencyKey is { } key)
            database.IdempotencyRecords.Add(new IdempotencyRecord { TenantId = tenantId, Key = key, RequestSha256 = submission.Sha256, TaskId = task.Id, CreatedAt = task.CreatedAt });
        await database.AppendEventAsync(task.Id, TaskEventTypes.Queued, Facts(draft), task.CreatedAt, cancellationToken);
        database.Record(caller, "task.submit", task.Id, task.CreatedAt);
        await database.SaveChangesAsync(cancellationToken);
        scope.Wake(task.Id);
        await scope.CommitAsync(cancellationToken);
        hub.Publish(task.Id);
        return new SubmitResult.Accepted(task);
    }

    /// <summary>What an earlier request with this Idempotency-Key came to; null: there was none, or the request has no key.</summary>
    public async Task<SubmitResult?> ReplayAsync(string tenantId, string? key, string digest, CancellationToken cancellationToken)
    {
        if (key is null) return null;
        var record = await database.IdempotencyRecords.AsNoTracking().FirstOrDefaultAsync(row => row.TenantId == tenantId && row.Key == key, cancellationToken);
        if (record is null) return null;
        if (record.RequestSha256 == digest) return new SubmitResult.Accepted(await database.Tasks.AsNoTracking().FirstAsync(row => row.Id == record.TaskId, cancellationToken));
        return new SubmitResult.Refused(new Problem(ProblemTypes.IdempotencyKeyReused, $"The Idempotency-Key made task {record.TaskId} from another request. Use a new key for a new request.")
        {
            TaskId = record.TaskId,
        });
    }

    private async Task<Dataset> PutAsync(string tenantId, Rows rows, CancellationToken cancellationToken)
    {
        if (rows.DatasetId is { } id) return await database.Datasets.AsNoTracking().FirstAsync(row => row.Id == id, cancellationToken);
        var duplicates = rows.Examples.Count - rows.Examples.Distinct().Count();
        return await datasets.PutAsync(tenantId, rows.Name, rows.Format, rows.Examples, duplicates, cancellationToken);
    }

    /// <summary>Makes sure, under the tenant's lock, that the adapter is still what was checked; null where it is not.</summary>
    private async Task<string?> ClaimAdapterAsync(Caller caller, TaskDraft draft, CancellationToken cancellationToken)
    {
        var tenantId = caller.TenantId;
        if (draft.Origin is AdapterOrigin.New)
        {
            draft.Adapter.Name = await names.FreeAsync(tenantId, draft.Adapter.Name, cancellationToken);
            database.Adapters.Add(draft.Adapter);
            database.Record(caller, "adapter.create", draft.Adapter.Id, draft.Adapter.CreatedAt);
            return draft.Adapter.Id;
        }

        if (draft.Origin is AdapterOrigin.Present)
            return await database.Adapters.AnyAsync(row => row.Id == draft.Adapter.Id && row.DeletedAt == null, cancellationToken) ? draft.Adapter.Id : null;
        var tenant = await database.Tenants.FirstAsync(row => row.Id == tenantId, cancellationToken);
        var present = await database.Adapters.AsNoTracking()
            .FirstOrDefaultAsync(row => row.TenantId == tenantId && row.Name == draft.Adapter.Name && row.DeletedAt == null, cancellationToken);
        // Two first tasks at once: the second goes to the adapter that the first made, where it is on the same base.
        if (present is not null) return present.BaseDigest == draft.Adapter.BaseDigest ? present.Id : null;
        database.Adapters.Add(draft.Adapter);
        tenant.DefaultAdapterId = draft.Adapter.Id;
        return draft.Adapter.Id;
    }

    private LearningTask Build(string tenantId, string adapterId, TaskDraft draft, string trainingId, string? heldOutId) => new()
    {
        Id = Ids.New("task"),
        TenantId = tenantId,
        AdapterId = adapterId,
        Name = draft.Name,
        Status = LearningTaskStatus.Queued,
        TrainDatasetId = trainingId,
        EvaluationDatasetId = heldOutId,
        Metric = draft.Metric.WireName(),
        LabelsJson = draft.Labels is null ? null : JsonSerializer.Serialize(draft.Labels),
        HyperparametersJson = draft.Hyperparameters.ToJson(),
        MetadataJson = draft.MetadataJson,
        TotalSteps = draft.Steps,
        Priority = draft.Priority,
        TraceParent = Activity.Current?.Id,
        BaseDigest = draft.Model.Digest,
        CreatedAt = time.GetUtcNow(),
    };

    private static object Facts(TaskDraft draft) => new
    {
        rows = draft.Training.Examples.Count,
        evaluationRows = draft.HeldOut?.Examples.Count ?? 0,
        duplicateRows = draft.Training.DuplicateRows,
        overlapRows = draft.OverlapRows,
        steps = draft.Steps,
        metric = draft.Metric.WireName(),
    };
}
