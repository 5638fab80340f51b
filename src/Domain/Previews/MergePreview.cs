namespace ContinualService.Domain.Previews;

/// <summary>What other merges of an adapter's last task would score; its state, progress and failure are those of its task.</summary>
public sealed class MergePreview
{
    public required string Id { get; init; }

    public required string AdapterId { get; init; }

    /// <summary>The task of kind <see cref="Tasks.LearningTaskKind.MergePreview"/> that measures it.</summary>
    public required string TaskId { get; init; }

    /// <summary>The version whose merge is varied: the head when the preview was asked for.</summary>
    public int VersionNumber { get; init; }

    /// <summary>The lambda that the method itself gives this task.</summary>
    public double OwnLambda { get; init; }

    /// <summary>JSON array of <see cref="MergeSchedule"/>: numbers, ascending, <see cref="OwnLambda"/> among them, then the texts of schedules.</summary>
    public required string LambdasJson { get; init; }

    /// <summary>A <see cref="MergePolicy"/> as JSON.</summary>
    public required string PolicyJson { get; init; }

    /// <summary>JSON array of <see cref="PreviewPoint"/>: grows while the preview is measured.</summary>
    public string PointsJson { get; set; } = "[]";
}
