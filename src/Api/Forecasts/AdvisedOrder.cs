using ContinualService.Domain.Forecasts;

namespace ContinualService.Api.Forecasts;

/// <summary>An order in which waiting tasks might be learned. A heuristic, and no more than an advice.</summary>
/// <param name="Heuristic">What it goes by.</param>
/// <param name="Tasks">The advised order.</param>
/// <param name="TaskIds">The tasks in the order they stand in now: rows and columns of <paramref name="Cosines"/>.</param>
/// <param name="Cosines">Cosine between the descent directions of each two.</param>
public sealed record AdvisedOrder(string Heuristic, IReadOnlyList<AdvisedTask> Tasks, IReadOnlyList<string> TaskIds, IReadOnlyList<IReadOnlyList<double>> Cosines)
{
    private const string Rule =
        "Heuristic: what pulls least against the adapter and the other waiting tasks first, what pulls most last, because the weight in the merge falls with every task. It was not tuned, and nothing is reordered.";

    internal static AdvisedOrder Of(ForecastResult result) =>
        new(Rule, [.. OrderAdvice.Of(result).Select(each => new AdvisedTask(each.Task.TaskId, each.Task.Name, each.Pull))], [.. result.Tasks.Select(task => task.TaskId)], result.Cosines);
}
