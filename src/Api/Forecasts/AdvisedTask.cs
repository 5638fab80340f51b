namespace ContinualService.Api.Forecasts;

/// <summary>A task in the advised order.</summary>
/// <param name="TaskId">The task.</param>
/// <param name="Name">Its name.</param>
/// <param name="Pull">How much it pulls against what is there and against the others: the sum of max(0, -cosine); 0: not at all.</param>
public sealed record AdvisedTask(string TaskId, string Name, double Pull);
