using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.Adapters;
using ContinualService.Api.Datasets;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Datasets;
using ContinualService.Domain.Forecasts;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Evaluation;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Forecasts;

/// <summary>Checks what a forecast is asked for, by the same checks as a task, and queues it before the adapter's waiting tasks.</summary>
internal sealed class CreateForecast(ServiceDbContext database, TaskValidation validation, DatasetStore datasets, SideTaskQueue queue, TimeProvider time)
{
    // Their comparison is one with each other.
    private const int MostWaiting = 16;

    public async Task<Outcome<TaskForecast>> RunAsync(Caller caller, Adapter adapter, RequestBody body, CancellationToken cancellationToken)
    {
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<CreateForecastRequest>(body.Fields, errors);
        if (request.Waiting == true && (body.Fields.Count > 1 || body.Files.Count > 0))
            errors.Add(new(null, "waiting", "The rows are those of the waiting tasks, and further ones are here.", "Send {\"waiting\": true} alone, or leave waiting out."));
        if (errors.Count > 0) return Problem.Invalid(errors);
        return request.Waiting == true ? await WaitingAsync(caller, adapter, cancellationToken) : await SentAsync(caller, adapter, body, cancellationToken);
    }

    private async Task<Outcome<TaskForecast>> SentAsync(Caller caller, Adapter adapter, RequestBody body, CancellationToken cancellationToken)
    {
        var fields = (JsonObject)body.Fields.DeepClone();
        fields.Remove("waiting");
        fields["adapter"] = adapter.Id;
        var submission = new Submission(body with { Fields = fields }) { Sha256 = "" };
        if ((await validation.CheckAsync(caller.TenantId, submission, cancellationToken)).Failed(out var problem, out var draft)) return problem;
        var training = await PutAsync(caller.TenantId, draft.Training, cancellationToken);
        var heldOut = draft.HeldOut is null ? null : await PutAsync(caller.TenantId, draft.HeldOut, cancellationToken);
        var task = TaskOf(caller, adapter, draft.Name, training.Id, heldOut?.Id, draft.Metric.WireName(), draft.Labels is null ? null : JsonSerializer.Serialize(draft.Labels), draft.Hyperparameters.ToJson());
        List<object> rows = [];
        if (draft.Training.DatasetId is null) rows.Add(training);
        if (heldOut is not null && draft.HeldOut!.DatasetId is null) rows.Add(heldOut);
        return await QueueAsync(caller, adapter, task, [], rows, cancellationToken);
    }

    private async Task<Outcome<TaskForecast>> WaitingAsync(Caller caller, Adapter adapter, CancellationToken cancellationToken)
    {
        var waiting = await database.Tasks.AsNoTracking()
            .Where(row => row.AdapterId == adapter.Id && row.Kind == LearningTaskKind.Training && (row.Status == LearningTaskStatus.Queued || row.Status == LearningTaskStatus.Paused))
            .OrderBy(row => row.Id).Take(MostWaiting).ToListAsync(cancellationToken);
        if (waiting.Count < 2)
            return new Problem(ProblemTypes.WrongState, $"'{adapter.Name}' has {waiting.Count} waiting task(s); an order needs two. GET /tasks?adapter={adapter.Name}&status=queued lists them.");
        // Its own rows are those of the first: what it needs is there as long as they are.
        var first = waiting[0];
        var task = TaskOf(caller, adapter, $"{waiting.Count} waiting tasks", first.TrainDatasetId, first.EvaluationDatasetId, first.Metric, first.LabelsJson, first.HyperparametersJson);
        return await QueueAsync(caller, adapter, task, waiting.ConvertAll(each => each.Id), [], cancellationToken);
    }

    private async Task<Dataset> PutAsync(string tenantId, Rows rows, CancellationToken cancellationToken) => rows.DatasetId is { } id
        ? await database.Datasets.AsNoTracking().FirstAsync(row => row.Id == id, cancellationToken)
        : await datasets.PutAsync(tenantId, rows.Name, rows.Format, rows.Examples, rows.DuplicateRows, cancellationToken);

    private LearningTask TaskOf(Caller caller, Adapter adapter, string name, string trainingId, string? heldOutId, string metric, string? labels, string hyperparameters) => new()
    {
        Id = Ids.New("task"),
        Kind = LearningTaskKind.Forecast,
        TenantId = caller.TenantId,
        AdapterId = adapter.Id,
        Name = name,
        TrainDatasetId = trainingId,
        EvaluationDatasetId = heldOutId,
        Metric = metric,
        LabelsJson = labels,
        HyperparametersJson = hyperparameters,
        Priority = TaskForecast.Priority,
        TraceParent = Activity.Current?.Id,
        BaseDigest = adapter.BaseDigest,
        CreatedAt = time.GetUtcNow(),
    };

    private async Task<Outcome<TaskForecast>> QueueAsync(
        Caller caller, Adapter adapter, LearningTask task, IReadOnlyList<string> waiting, IEnumerable<object> rows, CancellationToken cancellationToken)
    {
        var forecast = new TaskForecast { Id = Ids.New("forecast"), AdapterId = adapter.Id, TaskId = task.Id, WaitingJson = JsonSerializer.Serialize(waiting) };
        return await queue.SendAsync(caller, adapter, head: null, task, "forecast", forecast.Id, forecast, cancellationToken, rows) is { } refused ? refused : forecast;
    }
}
