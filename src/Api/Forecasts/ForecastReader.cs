using System.Text.Json;
using ContinualService.Api.Errors;
using ContinualService.Api.Tasks;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Forecasts;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Forecasts;

/// <summary>Finds forecasts inside one adapter and shows them.</summary>
internal sealed class ForecastReader(ServiceDbContext database)
{
    public async Task<Outcome<TaskForecast>> FindAsync(Adapter adapter, string id, CancellationToken cancellationToken)
    {
        var forecast = await database.Forecasts.AsNoTracking().FirstOrDefaultAsync(row => row.AdapterId == adapter.Id && row.Id == id, cancellationToken);
        if (forecast is not null) return forecast;
        return Problem.NotFound($"The forecast '{id}' of '{adapter.Name}'", $"GET /adapters/{adapter.Id}/forecasts lists them; POST there makes one.");
    }

    public async Task<ForecastResponse> ShowAsync(TaskForecast forecast, CancellationToken cancellationToken) => (await ShowAsync([forecast], cancellationToken))[0];

    public async Task<IReadOnlyList<ForecastResponse>> ShowAsync(IReadOnlyList<TaskForecast> forecasts, CancellationToken cancellationToken)
    {
        var taskIds = forecasts.Select(row => row.TaskId).ToList();
        var tasks = await database.Tasks.AsNoTracking().Where(row => taskIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        return [.. forecasts.Select(forecast => Shape(forecast, tasks[forecast.TaskId]))];
    }

    private static ForecastResponse Shape(TaskForecast forecast, LearningTask task)
    {
        var result = forecast.ResultJson is null ? null : JsonSerializer.Deserialize<ForecastResult>(forecast.ResultJson, JsonSerializerOptions.Web);
        var waiting = JsonSerializer.Deserialize<List<string>>(forecast.WaitingJson)!;
        return new ForecastResponse(
            forecast.Id, forecast.AdapterId, WireName.Of(task.Status), task.Percent, waiting, result?.Version,
            result?.Tasks.Select(each => MeasuredTask.Of(each, waiting.Count > 0)).ToList(), result is null ? null : SpareRankResponse.Of(result.Layers),
            result is null || result.Tasks.Count < 2 ? null : AdvisedOrder.Of(result),
            task.FailureCode is { } code ? new TaskFailure(WireName.Of(code), task.FailureMessage ?? "", task.FailureIsUserError ?? false) : null, task.CreatedAt);
    }
}
