namespace ContinualService.Bench.Continual;

/// <summary>A method's figures over all orders and seeds.</summary>
/// <param name="Method">Its label.</param>
/// <param name="LearningRate">Peak rate.</param>
/// <param name="Runs">Orders times seeds.</param>
/// <param name="AverageAccuracy">AA.</param>
/// <param name="BackwardTransfer">BWT.</param>
/// <param name="Forgetting">F.</param>
/// <param name="ForwardTransfer">FWT.</param>
/// <param name="LearningAccuracy">LA.</param>
/// <param name="DeltaNorm">Norm of the served dW after the last task.</param>
/// <param name="LargestOrderDisparity">MOPD, the mean over seeds and sets of tasks that came in several orders; null: none did.</param>
/// <param name="MeanOrderDisparity">AOPD, the same.</param>
/// <param name="FirstStateBytes">Kept after the first task.</param>
/// <param name="LastStateBytes">Kept after the last task of the longest order.</param>
/// <param name="TaskSeconds">Mean time of a task: preparing, training, merging. Null for a bound.</param>
/// <param name="MergingSeconds">Mean time of its merge.</param>
public sealed record StudiedMethod(
    string Method, double LearningRate, int Runs, Spread? AverageAccuracy, Spread? BackwardTransfer, Spread? Forgetting, Spread? ForwardTransfer, Spread? LearningAccuracy, Spread? DeltaNorm,
    double? LargestOrderDisparity, double? MeanOrderDisparity, long FirstStateBytes, long LastStateBytes, double? TaskSeconds, double? MergingSeconds);
