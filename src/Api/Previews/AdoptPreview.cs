using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Tenants;
using ContinualService.Api.Adapters;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Gates;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using ContinualService.Infrastructure.Storage;
using ContinualService.Worker;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Previews;

/// <summary>
/// Makes a version of one point of a preview: merged again from the two states, held against the digests of what was measured, and published with the scores that
/// were measured. The worker's serving check went over these very bytes. A crash before the last step leaves unnamed bytes and nothing else.
/// </summary>
internal sealed class AdoptPreview(ServiceDbContext database, ModelCatalog catalog, IObjectStore objects, EventHub hub, IOptions<DriftOptions> drift, TimeProvider time)
{
    private const int MostReasons = 3; // in a message; the preview has them all

    public async Task<Outcome<AdapterVersion>> RunAsync(Caller caller, Adapter adapter, MergePreview preview, JsonObject body, CancellationToken cancellationToken)
    {
        // Step 1: the point.
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<AdoptRequest>(body, errors);
        var reason = request.Override is null ? null : OverrideRequest.Checked(request.Override, "override", errors);
        if (errors.Count > 0) return Problem.Invalid(errors);
        var points = PreviewPoint.Read(preview.PointsJson);
        var measured = PreviewResponse.Names(points);
        if (request.Lambda is null == request.Schedule is null) return Problem.Invalid("lambda", request.Lambda is null ? "The lambda is missing." : "There are a lambda and a schedule.", $"Send one that was measured: {measured}; a number as lambda, a text as schedule.");
        var (field, wanted) = request.Lambda is { } lambda ? ("lambda", MergeSchedule.Of(lambda)) : ("schedule", MergeSchedule.Parse(request.Schedule!));
        if (points.FirstOrDefault(each => each.Merge() == wanted) is not { } point)
            return Problem.Invalid(field, $"{wanted?.Text ?? $"'{request.Schedule}'"} was not measured.", $"Send one that was: {measured}; or make a preview with it.");
        var path = await Lineage.ToAsync(database, adapter.Id, preview.VersionNumber, cancellationToken);
        var head = path[^1];
        if (await RefusalAsync(preview, point, reason, cancellationToken) is { } refused) return refused;
        if (head.Merge() == wanted) return Refused($"Version {head.Number} has lambda {point.Merge().Text} already. Adopt another one, or leave it as it is.");

        // Step 2: merge.
        var folder = Directory.CreateTempSubdirectory("adopt-").FullName;
        try
        {
            if (catalog.Find(adapter.Model) is not { } model) return new Problem(ProblemTypes.UnknownModel, $"The base model '{adapter.Model}' is no longer here. Put its folder back, then send this again.");
            // Bytes of another digest than the measured ones are published by nobody: how they answer is not known.
            if (!await new PreviewMerge(adapter, model, point, head, path[^2], objects).WriteAsync(folder, cancellationToken))
                return Refused("What this process merges is not, to the bit, what the worker measured. Give this message to the operator; a new preview does not help where the two compute differently.");

            // Step 3: store.
            var weights = await StoreAsync(PeftAdapter.WeightsFile);
            var merged = await StoreAsync(PreviewMerge.StateFile);

            // Step 4: publish.
            return await PublishAsync(caller, adapter, preview, path, point, reason, weights, merged, cancellationToken);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        async Task<StoredObject> StoreAsync(string name)
        {
            await using var content = File.OpenRead(Path.Combine(folder, name));
            return await objects.PutIfAbsentAsync(content, cancellationToken);
        }
    }

    private async Task<Outcome<AdapterVersion>> PublishAsync(
        Caller caller, Adapter adapter, MergePreview preview, IReadOnlyList<AdapterVersion> path, PreviewPoint point, string? reason, StoredObject weights, StoredObject state,
        CancellationToken cancellationToken)
    {
        var head = path[^1];
        var now = time.GetUtcNow();
        var version = new NewVersion
        {
            AdapterId = adapter.Id,
            Learned = [.. path.SkipLast(1).Where(earlier => earlier.TaskId is not null)],
            Parent = head.Parent,
            TaskId = head.TaskId!,
            TaskIndex = head.TaskIndex,
            Lambda = point.Lambda,
            Schedule = point.Schedule,
            Sha256 = weights.Sha256,
            SizeBytes = weights.SizeBytes,
            StateSha256 = state.Sha256,
            StateBytes = state.SizeBytes,
            MergePreviewId = preview.Id,
            Gate = point.Gate,
            Override = point.Gate is { Accepted: false } ? (reason!, now) : null,
            Unlearning = head.UnlearningId is { } unlearning ? (unlearning, head.Unlearned!.Value) : null,
            // It was trained where the head was; the merge is the same to the bit wherever it is done.
            EnvironmentJson = head.EnvironmentJson,
            Actor = caller.KeyId,
            DriftDefaults = drift.Value.Limits,
        };
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.LockTenantAsync(caller.TenantId, cancellationToken);
        await database.LockAdapterAsync(adapter.Id, cancellationToken);
        await database.LockTaskAsync(preview.TaskId, cancellationToken);
        if (await RefusalAsync(preview, point, reason, cancellationToken) is { } refused) return refused;
        var published = await version.AddAsync(database, number => [.. point.Scores.Select(score => score.CellOf(adapter.Id, number))], now, cancellationToken);
        await database.AppendEventAsync(
            preview.TaskId, TaskEventTypes.Published, new { version = published.Number, published.Sha256, published.TaskIndex, published.Lambda, published.Schedule, mergePreview = preview.Id, @override = published.OverrideReason }, now, cancellationToken);
        await database.AppendDriftAlarmsAsync(published, preview.TaskId, now, cancellationToken);
        database.Record(caller, "preview.adopt", preview.Id, now);
        if (published.OverrideReason is { } said) database.Record(caller, "adapter.gate.override", published.Id, now, said);
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        hub.Publish(preview.TaskId);
        return published;
    }

    private async Task<Problem?> RefusalAsync(MergePreview preview, PreviewPoint point, string? reason, CancellationToken cancellationToken)
    {
        var adapter = await database.Adapters.AsNoTracking().SingleAsync(row => row.Id == preview.AdapterId, cancellationToken);
        if (adapter.DeletedAt is not null) return Refused("The adapter was deleted. Make another one.");
        if (adapter.HeadVersion != preview.VersionNumber)
            return Refused($"The preview is of version {preview.VersionNumber}, and the head is version {adapter.HeadVersion} by now. POST /adapters/{adapter.Id}/merge-previews makes one of the head.");
        var status = await database.Tasks.Where(row => row.Id == preview.TaskId).Select(row => row.Status).SingleAsync(cancellationToken);
        if (status != LearningTaskStatus.Succeeded) return Refused($"The preview is {Domain.WireName.Of(status)}. Wait until it has succeeded, or make another one.");
        if (GateRefusal(adapter, point, reason) is { } kept) return kept;
        var running = await database.Tasks.Where(row => row.AdapterId == adapter.Id && row.Status == LearningTaskStatus.Running && row.Kind == LearningTaskKind.Training).Select(row => row.Id).FirstOrDefaultAsync(cancellationToken);
        return running is null ? null : new Problem(ProblemTypes.WrongState, $"Task {running} learns on top of version {adapter.HeadVersion} now. POST /tasks/{running}/pause or /cancel first; it then goes on from what you adopt.") { TaskId = running };
    }

    // By the gate as it stands: a verdict of another policy says nothing of it.
    private static Problem? GateRefusal(Adapter adapter, PreviewPoint point, string? reason)
    {
        if (GatePolicy.Read(adapter.GateJson) is not { } policy) return null;
        if (point.Gate is not { } gate || gate.Policy != policy)
            return Refused($"The adapter's gate was set or changed after this preview was measured. POST /adapters/{adapter.Id}/merge-previews measures again and judges.");
        if (gate.Accepted || reason is not null) return null;
        var reasons = string.Join(" ", gate.Criteria.Select(each => each.Reason).OfType<string>().Take(MostReasons));
        return Refused($"The adapter's gate does not let {point.Merge().Text} through. {reasons} Adopt another point, or send this one with \"override\" and your reason.");
    }

    private static Problem Refused(string detail) => new(ProblemTypes.WrongState, detail);
}
