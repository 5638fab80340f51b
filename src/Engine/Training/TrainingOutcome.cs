namespace ContinualService.Engine.Training;

/// <summary>What a finished training run measured.</summary>
/// <param name="Steps">Optimiser steps made.</param>
/// <param name="FirstLoss">Mean loss of the first step.</param>
/// <param name="LastLoss">Mean loss of the last step.</param>
/// <param name="TrainedTokens">Tokens with a label that were learned from, repeats counted.</param>
/// <param name="ProcessedTokens">All tokens that went through the model, prompts included, padding not.</param>
/// <param name="Seconds">Wall time.</param>
public sealed record TrainingOutcome(int Steps, double FirstLoss, double LastLoss, long TrainedTokens, long ProcessedTokens, double Seconds);
