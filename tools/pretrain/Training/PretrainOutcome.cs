namespace ContinualService.Pretrain.Training;

/// <summary>What was measured on text that was not trained on, and what training cost. Losses in nats a token.</summary>
internal sealed record PretrainOutcome(double AnswerLoss, double TextLoss, double AnswerAccuracy, double Seconds, double TokensPerSecond);
