namespace ContinualService.Worker.Runs;

/// <summary>One task of a forecast.</summary>
/// <param name="TaskId">Whose rows.</param>
/// <param name="Name">The task's name.</param>
/// <param name="Train">Its training rows.</param>
/// <param name="Evaluation">Its held-out rows; null: it has none.</param>
/// <param name="MaxSequenceLength">Of its hyperparameters.</param>
internal sealed record ForecastTaskSpec(string TaskId, string Name, StoredFile Train, EvaluationSpec? Evaluation, int? MaxSequenceLength);
