using System.Text.Json.Serialization;
using ContinualService.Domain.Evaluation;

namespace ContinualService.Bench.Continual;

/// <summary>One method with one seed over the whole stream: what is stored in a file of its own.</summary>
/// <param name="SettingsHash">Hash of all that decides the result; a stored file with the same hash is not computed again.</param>
/// <param name="Order">The order's name.</param>
/// <param name="Method">Its wire name.</param>
/// <param name="Seed">Root of the random streams.</param>
/// <param name="LearningRate">Peak rate.</param>
/// <param name="Tasks">In the order learned.</param>
/// <param name="Cells">a[i, t] by each task's own metric, row 0 the base.</param>
/// <param name="LikelihoodCells">The same by label likelihood; empty where not asked for.</param>
/// <param name="Learned">One entry per task learned.</param>
/// <param name="Seconds">Wall time of this run, without what it took from another.</param>
public sealed record RunResult(
    string SettingsHash, string Order, string Method, long Seed, double LearningRate, IReadOnlyList<string> Tasks, IReadOnlyList<MatrixCell> Cells,
    IReadOnlyList<MatrixCell> LikelihoodCells, IReadOnlyList<LearnedTaskResult> Learned, double Seconds)
{
    [JsonIgnore]
    public AccuracyMatrix Matrix => new(Tasks, Cells);

    public MatrixSummary Summary => MatrixSummary.Of(Matrix);

    public MatrixSummary? LikelihoodSummary => LikelihoodCells.Count == 0 ? null : MatrixSummary.Of(new AccuracyMatrix(Tasks, LikelihoodCells));

    /// <summary>Norm of the served dW after the last task.</summary>
    [JsonIgnore]
    public double DeltaNorm => Learned[^1].DeltaNorm;
}
