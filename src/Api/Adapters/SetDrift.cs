using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Adapters;
using ContinualService.Infrastructure.Database;
using ContinualService.Worker;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Adapters;

/// <summary>Sets an adapter's own limits of drift and its canaries; they hold from its next version on.</summary>
internal sealed class SetDrift(ServiceDbContext database, TimeProvider time)
{
    private const double Unbounded = 1e6;

    /// <summary>Null: done.</summary>
    public async Task<Problem?> RunAsync(Caller caller, Adapter adapter, JsonObject body, CancellationToken cancellationToken)
    {
        var errors = new List<FieldError>();
        var wanted = StrictJson.Bind<DriftSettings>(body, errors);
        foreach (var (field, value, most) in new[]
        {
            ("scoreDrop", wanted.ScoreDrop, 1), ("lossRise", wanted.LossRise, Unbounded), ("angle", wanted.Angle, 90), ("canaryKl", wanted.CanaryKl, Unbounded), ("stopDrop", wanted.StopDrop, 1),
        })
        {
            if (value is { } limit && !(limit >= 0 && limit <= most))
                errors.Add(new(null, field, FormattableString.Invariant($"{limit} is out of range."), FormattableString.Invariant($"Send 0 to {most}, or leave it out for the service's own limit.")));
        }

        if (wanted.CanaryPrompts is { } prompts && (prompts.Count is 0 or > DriftOptions.MostCanaries || prompts.Any(text => string.IsNullOrWhiteSpace(text) || text.Length > DriftOptions.LongestCanary)))
            errors.Add(new(null, "canaryPrompts", "There are none or too many, or one is empty or too long.", $"Send 1 to {DriftOptions.MostCanaries} texts of at most {DriftOptions.LongestCanary} characters, or leave it out for the service's own."));
        if (errors.Count > 0) return Problem.Invalid(errors);
        var json = body.Count == 0 ? null : wanted.ToPolicy().Write();
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.Adapters.Where(row => row.Id == adapter.Id).ExecuteUpdateAsync(set => set.SetProperty(row => row.DriftJson, json), cancellationToken);
        database.Record(caller, "adapter.drift", adapter.Id, time.GetUtcNow());
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        adapter.DriftJson = json;
        return null;
    }
}
