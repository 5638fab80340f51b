namespace ContinualService.Api.Storage;

/// <summary>What the settings of section Retention free, as this process was given them. Versions, their states, scores and tasks stay for good, so it is rows and no objects.</summary>
/// <param name="StepMetricDays">Retention:StepMetricDays; 0: for ever.</param>
/// <param name="StepsDue">Rows of optimiser steps whose time is over, and which the next pass of a worker deletes.</param>
/// <param name="EventDays">Retention:EventDays; 0: for ever.</param>
/// <param name="EventsDue">Rows of events whose time is over; a task's last event stays.</param>
/// <param name="StepsLater">Rows of steps of ended tasks that become due later.</param>
/// <param name="EventsLater">Rows of events that do.</param>
public sealed record StorageRetention(int StepMetricDays, long StepsDue, int EventDays, long EventsDue, long StepsLater, long EventsLater);
