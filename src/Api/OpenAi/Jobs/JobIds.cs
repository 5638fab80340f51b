using System.Globalization;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>Ids of the OpenAI interface for rows that have one of the service's own: another prefix, the same number, so that either leads to the other.</summary>
internal static class JobIds
{
    public const string Job = "ftjob-";
    public const string Event = "ftevent-";
    public const string Checkpoint = "ftckpt-";
    private const string Task = "task_";

    /// <summary>task_X is ftjob-X.</summary>
    public static string OfTask(string taskId) => Job + Number(taskId);

    /// <summary>ftjob-X is task_X; null where it is no job's id.</summary>
    public static string? TaskOf(string jobId) => jobId.StartsWith(Job, StringComparison.Ordinal) ? Task + jobId[Job.Length..] : null;

    public static string OfVersion(string versionId) => Checkpoint + Number(versionId);

    public static string OfEvent(string taskId, int number) => string.Create(CultureInfo.InvariantCulture, $"{Event}{Number(taskId)}-{number}");

    /// <summary>The number of an event of this task; null where the id is not one.</summary>
    public static int? EventNumber(string taskId, string eventId)
    {
        var prefix = $"{Event}{Number(taskId)}-";
        if (!eventId.StartsWith(prefix, StringComparison.Ordinal)) return null;
        return int.TryParse(eventId.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>What follows an id's prefix.</summary>
    public static string Number(string id) => id[(id.IndexOf('_', StringComparison.Ordinal) + 1)..];

    /// <summary>The task whose id ends in this number.</summary>
    public static string TaskOfNumber(string number) => Task + number;
}
