namespace ContinualService.Engine.Training;

/// <summary>What a run has counted so far; a resumed run counts on from here.</summary>
/// <param name="FirstLoss">Mean loss of the first step; 0 before it.</param>
/// <param name="LastLoss">Mean loss of the last step made; 0 before the first.</param>
/// <param name="TrainedTokens">Tokens with a label that were learned from.</param>
/// <param name="ProcessedTokens">All tokens that went through the model, padding not.</param>
/// <param name="Seconds">Time spent in training.</param>
internal readonly record struct TrainingTotals(double FirstLoss, double LastLoss, long TrainedTokens, long ProcessedTokens, double Seconds);
