using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Adapters;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Adapters;

/// <summary>Changes what of an adapter can change: its gate.</summary>
internal sealed class ChangeAdapter(ServiceDbContext database, TimeProvider time)
{
    /// <summary>Null: done.</summary>
    public async Task<Problem?> RunAsync(Caller caller, Adapter adapter, JsonObject body, CancellationToken cancellationToken)
    {
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<ChangeAdapterRequest>(body, errors);
        // Null means something here: it takes the gate away.
        if (errors.Count == 0 && !body.ContainsKey("gate")) errors.Add(new(null, "gate", "There is nothing to change.", "Send {\"gate\": {...}}, or {\"gate\": null} to take it away; the rest of an adapter never changes."));
        var gate = request.Gate?.ToPolicy(adapter.Method, errors).Write();
        if (errors.Count > 0) return Problem.Invalid(errors);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.Adapters.Where(row => row.Id == adapter.Id).ExecuteUpdateAsync(set => set.SetProperty(row => row.GateJson, gate), cancellationToken);
        database.Record(caller, "adapter.gate", adapter.Id, time.GetUtcNow());
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        adapter.GateJson = gate;
        return null;
    }
}
