using System.ComponentModel.DataAnnotations;

namespace ContinualService.Worker.Upkeep;

/// <summary>Section <c>Retention</c>: how long rows are kept that only tell what happened. Versions, scores, runs and the tasks themselves stay.</summary>
public sealed class RetentionOptions
{
    public const string Section = "Retention";

    /// <summary>Days after a task's end for which its optimiser steps are kept; 0: for ever.</summary>
    [Range(0, 36_500)]
    public int StepMetricDays { get; set; } = 90;

    /// <summary>Days after a task's end for which its events are kept; the last one stays. 0: all for ever.</summary>
    [Range(0, 36_500)]
    public int EventDays { get; set; } = 365;

    /// <summary>Days for which audit entries are kept; 0: for ever.</summary>
    [Range(0, 36_500)]
    public int AuditDays { get; set; }

    /// <summary>Days for which an Idempotency-Key is remembered; 0: for ever.</summary>
    [Range(0, 36_500)]
    public int IdempotencyDays { get; set; } = 30;

    /// <summary>Days for which the log of webhooks' deliveries is kept; 0: for ever.</summary>
    [Range(0, 36_500)]
    public int WebhookDays { get; set; } = 30;
}
