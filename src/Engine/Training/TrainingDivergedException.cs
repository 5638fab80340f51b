namespace ContinualService.Engine.Training;

/// <summary>The loss or the gradient stopped being a finite number; the message says at which step and what to change.</summary>
public sealed class TrainingDivergedException : Exception
{
    public TrainingDivergedException(string message) : base(message) { }

    public TrainingDivergedException(string message, Exception innerException) : base(message, innerException) { }

    public TrainingDivergedException() { }

    internal static TrainingDivergedException At(int step, double loss, double gradNorm, double learningRate) => new(FormattableString.Invariant(
        $"Training diverged at step {step}: loss {loss}, gradient norm {gradNorm}, learning rate {learningRate:G4}. ")
        + "The adapter is unchanged. Send the task again with a lower learning rate (a tenth of this one) or a longer warm-up, and look for corrupt rows.");
}
