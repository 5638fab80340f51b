namespace ContinualService.Bench.Continual;

/// <summary>What learning one task cost and left.</summary>
/// <param name="Task">Name.</param>
/// <param name="Lambda">Its weight in the served B.</param>
/// <param name="Steps">Optimiser steps.</param>
/// <param name="FirstLoss">Nats per trained token, first step.</param>
/// <param name="LastLoss">Nats per trained token, last step.</param>
/// <param name="Tokens">All tokens that went through the model.</param>
/// <param name="Seconds">Training alone.</param>
/// <param name="AddedRows">Rows that the method added to the task's own.</param>
/// <param name="PreparingSeconds">What the method does before training.</param>
/// <param name="MergingSeconds">What it does afterwards.</param>
/// <param name="StateBytes">What the adapter keeps after this task, as the method's layout says.</param>
/// <param name="EvaluationSeconds">Scoring all tasks afterwards.</param>
/// <param name="DeltaNorm">Frobenius norm of the served dW over all layers.</param>
/// <param name="Shared">True where this is the first task, computed once for all methods of the seed because it is the same computation.</param>
public sealed record LearnedTaskResult(
    string Task, double Lambda, int Steps, double FirstLoss, double LastLoss, long Tokens, double Seconds, int AddedRows, double PreparingSeconds, double MergingSeconds, long StateBytes, double EvaluationSeconds, double DeltaNorm, bool Shared);
