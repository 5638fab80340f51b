using ContinualService.Domain;
using ContinualService.Domain.Forecasts;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Worker.Scheduling;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Worker.Tests.Scheduling;

public sealed class TaskChooserTests : IAsyncLifetime
{
    private readonly TestService _service = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _service.PrepareAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task Choose_ForecastBehindTasks_GoesFirstAndHoldsUpNone()
    {
        var adapterId = await _service.AddAdapterAsync();
        var first = await _service.AddTaskAsync(adapterId, "red", new Hyperparameters(), enqueue: false);
        var second = await _service.AddTaskAsync(adapterId, "blue", new Hyperparameters(), enqueue: false);
        var forecast = await AddForecastAsync(first);

        await LooksAsync(forecast, first, forecast);
        // Tasks that were put aside hold up what comes after them, and no forecast.
        await SetAsync(first, LearningTaskStatus.Paused);
        await LooksAsync(forecast, forecast);
        await SetAsync(forecast, LearningTaskStatus.Running);
        await LooksAsync(null);
        await SetAsync(forecast, LearningTaskStatus.Succeeded);
        await SetAsync(first, LearningTaskStatus.Cancelled);
        await LooksAsync(second, second);
    }

    private async Task LooksAsync(string? chosen, params string[] ready)
    {
        await using var database = _service.Open();
        var now = TimeProvider.System.GetUtcNow();
        Assert.Equal(chosen, (await TaskChooser.ChooseAsync(database, now, Token))?.Id);
        Assert.Equal(ready.ToHashSet(), await TaskChooser.Ready(database, now).Select(row => row.Id).ToHashSetAsync(Token));
    }

    private async Task SetAsync(string taskId, LearningTaskStatus status)
    {
        await using var database = _service.Open();
        await database.Tasks.Where(row => row.Id == taskId).ExecuteUpdateAsync(set => set.SetProperty(row => row.Status, status), Token);
    }

    private async Task<string> AddForecastAsync(string like)
    {
        await using var database = _service.Open();
        var other = await database.Tasks.SingleAsync(row => row.Id == like, Token);
        var task = new LearningTask
        {
            Id = Ids.New("task"),
            Kind = LearningTaskKind.Forecast,
            TenantId = other.TenantId,
            AdapterId = other.AdapterId,
            Name = "forecast",
            TrainDatasetId = other.TrainDatasetId,
            Metric = other.Metric,
            HyperparametersJson = other.HyperparametersJson,
            Priority = TaskForecast.Priority,
            BaseDigest = "",
        };
        database.Add(task);
        await database.SaveChangesAsync(Token);
        return task.Id;
    }
}
