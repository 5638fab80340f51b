namespace ContinualService.Api.Tasks;

/// <summary>How far a task is.</summary>
/// <param name="Percent">0 to 100 over all phases.</param>
/// <param name="Step">Optimiser steps done.</param>
/// <param name="TotalSteps">Steps there will be; 0 before they are counted.</param>
/// <param name="SecondsRemaining">Estimate from the measured rate; null until there is one.</param>
/// <param name="QueuePosition">An estimate of its place in the queue, 1 is next; null unless it is queued, and beyond the first 1000 of your own.</param>
public sealed record TaskProgress(double Percent, int Step, int TotalSteps, double? SecondsRemaining, int? QueuePosition);
