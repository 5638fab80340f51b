using ContinualService.Domain.Adapters;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>
/// The name of the version that one job published, <c>ft:base:org:suffix:id</c>: base model, tenant, adapter and the job's number. The number alone says which
/// version it is; the rest must agree with it, so that a name that was put together by hand answers for nothing else than what it says.
/// </summary>
internal static class FineTunedModels
{
    private const string Prefix = "ft:";
    private const int Parts = 5;

    public static string NameOf(Adapter adapter, string taskId) => $"{Prefix}{adapter.Model}:{adapter.TenantId}:{adapter.Name}:{JobIds.Number(taskId)}";

    /// <summary>Whether a model's name has this form; an adapter may well be called ft.</summary>
    public static bool IsName(string name) => name.StartsWith(Prefix, StringComparison.Ordinal) && name.Split(':').Length >= Parts;

    /// <summary>The adapter and the task that a name of this form says.</summary>
    /// <exception cref="OpenAiException">404: the tenant has no such model.</exception>
    public static async Task<(Adapter Adapter, string TaskId)> FindFineTunedAsync(this ServiceDbContext database, string tenantId, string name, CancellationToken cancellationToken)
    {
        var taskId = JobIds.TaskOfNumber(name[(name.LastIndexOf(':') + 1)..]);
        var adapter = await database.Tasks.Where(row => row.TenantId == tenantId && row.Id == taskId)
            .Join(database.Adapters.AsNoTracking().Where(row => row.DeletedAt == null), task => task.AdapterId, row => row.Id, (_, row) => row)
            .FirstOrDefaultAsync(cancellationToken);
        if (adapter is null || NameOf(adapter, taskId) != name)
            throw OpenAiException.NoModel(name, "no job of this key has this fine_tuned_model. GET /v1/fine_tuning/jobs lists them.");
        return (adapter, taskId);
    }
}
