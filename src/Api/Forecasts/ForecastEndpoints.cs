using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Forecasts;

/// <summary>Routes of forecasts: what can be said of a task before it is learned.</summary>
internal static class ForecastEndpoints
{
    private const string Example =
        """{"name": "routing", "examples": [{"prompt": "Where is my parcel?", "completion": "delivery"}, {"prompt": "I was charged twice.", "completion": "billing"}], "evaluation": {"fraction": 0.5}}""";

    private static readonly FormShape Form = new(["name", "datasetId"], ["evaluation", "hyperparameters"], [TaskValidation.File, TaskValidation.EvaluationFile]);

    public static IServiceCollection AddForecasts(this IServiceCollection services) => services.AddScoped<CreateForecast>().AddScoped<ForecastReader>();

    public static void MapForecasts(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/adapters/{id}/forecasts").WithTags("Forecasts").RequireAuthorization();
        group.MapPost("", CreateAsync).WithName("CreateForecast").Accepts<CreateForecastRequest>("application/json", "multipart/form-data")
            .Produces<ForecastResponse>(StatusCodes.Status202Accepted).WithMetadata(new DocumentedBody(Example, Form), DocumentedStatus.Conflict);
        group.MapGet("", ListAsync).WithName("ListForecasts").Produces<Page<ForecastResponse>>().WithMetadata(DocumentedParameter.Paging);
        group.MapGet("/{forecastId}", GetAsync).WithName("GetForecast").Produces<ForecastResponse>();
        group.MapDelete("/{forecastId}", CancelAsync).WithName("CancelForecast").Produces<ForecastResponse>(StatusCodes.Status202Accepted).WithMetadata(DocumentedStatus.Conflict);
    }

    /// <summary>Asks how a task lies to what the adapter knows, before it is learned: zero-shot score, conflict with earlier tasks, spare rank. Nothing is trained.</summary>
    /// <remarks>With {"waiting": true} the adapter's waiting tasks are compared, and the answer advises an order. A worker measures it before those tasks.</remarks>
    private static async Task<IResult> CreateAsync(string id, HttpRequest request, ServiceDbContext database, CreateForecast create, ForecastReader reader, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(request.HttpContext.User);
        if ((await RequestBody.ReadAsync(request, Form, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        if ((await database.FindAdapterAsync(caller.TenantId, id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await create.RunAsync(caller, adapter, body, cancellationToken)).Failed(out var problem, out var forecast)) return problem;
        return TypedResults.Accepted($"/adapters/{adapter.Id}/forecasts/{forecast.Id}", await reader.ShowAsync(forecast, cancellationToken));
    }

    /// <summary>Lists an adapter's forecasts, newest first.</summary>
    private static async Task<IResult> ListAsync(string id, HttpRequest request, ServiceDbContext database, ForecastReader reader, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var badPage, out var paging)) return badPage;
        if ((await database.FindAdapterAsync(request.HttpContext.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        var query = database.Forecasts.AsNoTracking().Where(row => row.AdapterId == adapter.Id);
        if (paging.Cursor is { } cursor) query = query.Where(row => string.Compare(row.Id, cursor) < 0);
        var rows = await query.OrderByDescending(row => row.Id).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        var shown = (await reader.ShowAsync(rows, cancellationToken)).ToDictionary(each => each.Id);
        return TypedResults.Ok(paging.Cut(rows, row => row.Id, row => shown[row.Id]));
    }

    /// <summary>Shows a forecast and, once it is measured, what it found.</summary>
    private static async Task<IResult> GetAsync(string id, string forecastId, HttpContext http, ServiceDbContext database, ForecastReader reader, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await reader.FindAsync(adapter, forecastId, cancellationToken)).Failed(out var problem, out var forecast)) return problem;
        return TypedResults.Ok(await reader.ShowAsync(forecast, cancellationToken));
    }

    /// <summary>Cancels a forecast: a queued one at once, a running one within seconds.</summary>
    private static async Task<IResult> CancelAsync(string id, string forecastId, HttpContext http, ServiceDbContext database, ForecastReader reader, TaskControl control, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await reader.FindAsync(adapter, forecastId, cancellationToken)).Failed(out var missing, out var forecast)) return missing;
        if ((await control.CancelSideAsync(Caller.Of(http.User), forecast.TaskId, LearningTaskKind.Forecast, cancellationToken)).Failed(out var problem, out _))
            return new Problem(problem.Type, "The forecast is over; there is nothing to cancel. It keeps nothing but its figures.");
        return TypedResults.Accepted($"/adapters/{adapter.Id}/forecasts/{forecast.Id}", await reader.ShowAsync(forecast, cancellationToken));
    }
}
