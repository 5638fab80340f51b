using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Adapters;

/// <summary>
/// Makes a version that the gate refused head and live, for a reason that is kept. Only while the head is still what it was made from: beside a later head it would take away
/// what was learned since. A task that runs meanwhile begins again from the new head, as after a rollback.
/// </summary>
internal sealed class OverrideGate(ServiceDbContext database, EventHub hub, TimeProvider time)
{
    public async Task<Outcome<AdapterVersion>> RunAsync(Caller caller, AdapterVersion refused, JsonObject body, CancellationToken cancellationToken)
    {
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<OverrideRequest>(body, errors);
        var reason = errors.Count > 0 ? "" : OverrideRequest.Checked(request.Reason, "reason", errors);
        if (errors.Count > 0) return Problem.Invalid(errors);

        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.LockTenantAsync(caller.TenantId, cancellationToken);
        await database.LockAdapterAsync(refused.AdapterId, cancellationToken);
        if (refused.TaskId is { } taskId) await database.LockTaskAsync(taskId, cancellationToken);
        var version = await database.Versions.SingleAsync(row => row.Id == refused.Id, cancellationToken);
        var adapter = await database.Adapters.AsNoTracking().SingleAsync(row => row.Id == refused.AdapterId, cancellationToken);
        if (Unfit(adapter, version) is { } unfit) return unfit;
        var now = time.GetUtcNow();
        (version.Status, version.OverrideReason, version.OverriddenBy, version.OverriddenAt) = (AdapterVersion.PublishedStatus, reason, caller.KeyId, now);
        await database.MakeHeadAsync(version, caller.KeyId, now, cancellationToken);
        await database.AppendEventAsync(version.TaskId!, TaskEventTypes.Published, new { version = version.Number, version.Sha256, version.TaskIndex, version.Lambda, @override = reason }, now, cancellationToken);
        database.Record(caller, "adapter.gate.override", version.Id, now, reason);
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        hub.Publish(version.TaskId!);
        return version;
    }

    private static Problem? Unfit(Adapter adapter, AdapterVersion version)
    {
        if (adapter.DeletedAt is not null) return Refused("The adapter was deleted. Make another one.");
        if (!version.Refused) return Refused($"No gate keeps version {version.Number} back. PUT /adapters/{adapter.Id}/aliases/live or POST /adapters/{adapter.Id}/rollback goes to a published version.");
        var parent = version.Parent ?? 0;
        if (adapter.HeadVersion == parent) return null;
        var back = parent == 0 ? "Send its task again instead." : $"Send its task again, or POST /adapters/{adapter.Id}/rollback to version {parent} first, which leaves what was learned since.";
        return Refused($"Version {version.Number} was made from {(parent == 0 ? "the base" : $"version {parent}")}, and the head is version {adapter.HeadVersion} by now, whose tasks it has not learned. {back}");
    }

    private static Problem Refused(string detail) => new(ProblemTypes.WrongState, detail);
}
