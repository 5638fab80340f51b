using ContinualService.Domain.Tasks;

namespace ContinualService.Domain.Webhooks;

/// <summary>The events that a webhook can be told of.</summary>
public static class WebhookTypes
{
    public const string Succeeded = "fine_tuning.job.succeeded";
    public const string Failed = "fine_tuning.job.failed";
    public const string Cancelled = "fine_tuning.job.cancelled";
    public const string Published = "adapter.version.published";

    public const string GateRefused = "adapter.gate.refused";

    public const string DriftAlarm = "adapter.drift.alarm";

    public static IReadOnlyList<string> All { get; } = [Succeeded, Failed, Cancelled, Published, GateRefused, DriftAlarm];

    /// <summary>Those that tell of a version: also of one that was adopted from a preview, and with all that the task's event says.</summary>
    public static bool IsOfVersion(string type) => type is Published or GateRefused or DriftAlarm;

    /// <summary>What webhooks are told when a task has this event; null: nothing.</summary>
    /// <param name="taskEventType">One of <see cref="TaskEventTypes"/>.</param>
    public static string? Of(string taskEventType) => taskEventType switch
    {
        TaskEventTypes.Succeeded => Succeeded,
        TaskEventTypes.Failed => Failed,
        TaskEventTypes.Cancelled => Cancelled,
        TaskEventTypes.Published => Published,
        TaskEventTypes.GateRefused => GateRefused,
        TaskEventTypes.DriftAlarm => DriftAlarm,
        _ => null,
    };
}
