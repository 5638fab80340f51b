using ContinualService.Domain.Adapters;
using ContinualService.Domain.Drift;
using ContinualService.Domain.Tasks;

namespace ContinualService.Infrastructure.Database;

/// <summary>Tells of a version that went over its limits.</summary>
public static class DriftAlarmLog
{
    /// <summary>Appends an event to the task for each alarm of the version, and with it what webhooks are told; the caller saves.</summary>
    public static async Task AppendDriftAlarmsAsync(this ServiceDbContext database, AdapterVersion version, string taskId, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (DriftReport.Read(version.DriftJson) is not { } report) return;
        foreach (var alarm in report.Alarms)
        {
            await database.AppendEventAsync(
                taskId, TaskEventTypes.DriftAlarm, new { adapter = version.AdapterId, version = version.Number, report.Parent, alarm.Alarm, alarm.Value, alarm.Limit, alarm.Subject }, now, cancellationToken);
        }
    }
}
