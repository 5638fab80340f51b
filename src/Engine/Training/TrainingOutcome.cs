namespace ContinualService.Engine.Training;

/// <summary>What a training run measured, over all its sittings where it was cut and continued.</summary>
/// <param name="Steps">Optimiser steps made.</param>
/// <param name="FirstLoss">Mean loss of the first step.</param>
/// <param name="LastLoss">Mean loss of the last step.</param>
/// <param name="TrainedTokens">Tokens with a label that were learned from, repeats counted.</param>
/// <param name="ProcessedTokens">All tokens that went through the model, prompts included, padding not.</param>
/// <param name="Seconds">Wall time.</param>
/// <param name="MicroBatches">How the steps were cut, as <see cref="Domain.Tasks.MicroBatching.Write"/> has it.</param>
/// <param name="Stopped">It was asked to stop: its checkpoint is written, and A and B are what they were.</param>
public sealed record TrainingOutcome(int Steps, double FirstLoss, double LastLoss, long TrainedTokens, long ProcessedTokens, double Seconds, string MicroBatches, bool Stopped = false);
