using ContinualService.Domain;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Webhooks;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Infrastructure.Database;

/// <summary>Writes what webhooks are to be told in the transaction of the event itself: neither is there without the other.</summary>
internal static class WebhookOutbox
{
    /// <summary>Adds a delivery to the context for each webhook of the task's tenant that wants the event; the caller saves them.</summary>
    public static async Task AddDeliveriesAsync(this ServiceDbContext database, TaskEvent happened, CancellationToken cancellationToken)
    {
        // A preview is no job; what is adopted from it is a version like any other.
        if (WebhookTypes.Of(happened.Type) is not { } type) return;
        var ofVersion = WebhookTypes.IsOfVersion(type);
        var webhooks = await database.Tasks.Where(task => task.Id == happened.TaskId && (task.Kind == LearningTaskKind.Training || ofVersion))
            .Join(database.Webhooks.AsNoTracking(), task => task.TenantId, row => row.TenantId, (_, row) => row).ToListAsync(cancellationToken);
        foreach (var webhook in webhooks.Where(row => row.Events.Split(' ').Contains(type)))
        {
            database.WebhookDeliveries.Add(new WebhookDelivery
            {
                Id = Ids.New("msg"),
                WebhookId = webhook.Id,
                TaskId = happened.TaskId,
                Type = type,
                DataJson = happened.DataJson,
                CreatedAt = happened.CreatedAt,
                NextAttemptAt = happened.CreatedAt,
            });
        }
    }
}
