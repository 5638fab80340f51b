using ContinualService.Api.Errors;
using ContinualService.Api.Serving;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Adapters;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Adapters;

/// <summary>Has an adapter's live version kept in memory, or lets it come and go with its use again. Both are safe to repeat.</summary>
internal sealed class PinAdapter(ServiceDbContext database, IOptions<ServingOptions> options, TimeProvider time)
{
    /// <summary>Null: done. Refused where all the places are taken.</summary>
    public async Task<Problem?> PinAsync(Caller caller, Adapter adapter, CancellationToken cancellationToken)
    {
        if (options.Value.Backend != ServingBackends.Local)
            return new(ProblemTypes.WrongState, "Answers come from a fleet of other servers here, whose places go to the adapters used last; none can be pinned. Send the adapter requests to keep it there.");
        // Under the tenant's lock no second pin of it slips in between count and change; the places of all are held by PinnedAdapters, which takes no more than there are.
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.LockTenantAsync(caller.TenantId, cancellationToken);
        var others = database.Adapters.Where(row => row.PinnedAt != null && row.DeletedAt == null && row.Id != adapter.Id);
        var (perTenant, places) = (options.Value.MaxPinnedPerTenant, options.Value.PinnedPlaces);
        if (await others.CountAsync(row => row.TenantId == caller.TenantId, cancellationToken) >= perTenant)
            return Full($"You may pin {perTenant} adapters here. DELETE /adapters/ID/pin of one that needs it less, or have the operator raise Serving:MaxPinnedPerTenant.");
        if (await others.CountAsync(cancellationToken) >= places)
            return Full($"All {places} places for pinned adapters are taken. Try again later, or have the operator raise Serving:MaxPinnedAdapters.");
        var now = time.GetUtcNow();
        if (await database.Adapters.Where(row => row.Id == adapter.Id && row.PinnedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.PinnedAt, now), cancellationToken) > 0) database.Record(caller, "adapter.pin", adapter.Id, now);
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        adapter.PinnedAt ??= now;
        return null;
    }

    public async Task UnpinAsync(Caller caller, Adapter adapter, CancellationToken cancellationToken)
    {
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        if (await database.Adapters.Where(row => row.Id == adapter.Id && row.PinnedAt != null)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.PinnedAt, (DateTimeOffset?)null), cancellationToken) > 0) database.Record(caller, "adapter.unpin", adapter.Id, time.GetUtcNow());
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private static Problem Full(string detail) => new(ProblemTypes.WrongState, detail);
}
