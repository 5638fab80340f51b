using System.Globalization;
using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tasks;

/// <summary>Routes of tasks.</summary>
internal static class TaskEndpoints
{
    private const string Example =
        """
        {
          "name": "routing",
          "examples": [
            {"prompt": "Where is my parcel?", "completion": "delivery"},
            {"prompt": "I was charged twice.", "completion": "billing"},
            {"prompt": "The lid arrived cracked.", "completion": "damage"},
            {"prompt": "When will it be delivered?", "completion": "delivery"}
          ],
          "evaluation": {"fraction": 0.25},
          "hyperparameters": {"learningRate": 0.0005, "epochs": 3, "batchSize": 8, "seed": 42},
          "metadata": {"source": "helpdesk"}
        }
        """;

    private static readonly FormShape Form = new(
        ["adapter", "model", "name", "datasetId"], ["evaluation", "hyperparameters", "metadata", "priority"], [TaskValidation.File, TaskValidation.EvaluationFile]);

    public static IServiceCollection AddTasks(this IServiceCollection services) => services
        .AddMemoryCache().AddScoped<TaskValidation>().AddScoped<TaskEstimator>().AddScoped<SubmitTask>().AddScoped<TaskControl>().AddScoped<SideTaskQueue>().AddScoped<QueuePlaces>().AddScoped<TaskReader>().AddSingleton<TaskEventStream>();

    public static void MapTasks(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/tasks").WithTags("Tasks").RequireAuthorization();
        group.MapPost("", SubmitAsync).WithName("SubmitTask").Accepts<SubmitTaskRequest>("application/json", "multipart/form-data")
            .Produces<TaskResponse>(StatusCodes.Status202Accepted).Produces<TaskEstimate>()
            .Produces<ProblemBody>(StatusCodes.Status400BadRequest, "application/problem+json")
            .Produces<ProblemBody>(StatusCodes.Status409Conflict, "application/problem+json")
            .WithMetadata(new DocumentedBody(Example, Form))
            .WithMetadata(
                new DocumentedParameter("dry_run", "true: check everything and estimate steps, time and memory, store nothing. POST /adapters/{id}/forecasts measures what needs the model.", false, "true", "false"),
                IdempotencyKey.Documented);
        group.MapGet("", ListAsync).WithName("ListTasks").Produces<Page<TaskResponse>>().WithMetadata(DocumentedParameter.Paging)
            .WithMetadata(
                new DocumentedParameter("status", "Only tasks in this state.", false, [.. Enum.GetValues<LearningTaskStatus>().Select(WireName.Of)]),
                new DocumentedParameter("adapter", "Only tasks of this adapter; its id or name."));
        group.MapGet("/{id}", GetAsync).WithName("GetTask").Produces<TaskResponse>();
        group.MapGet("/{id}/events", EventsAsync).WithName("GetTaskEvents").Produces<string>(StatusCodes.Status200OK, "text/event-stream")
            .WithMetadata(new DocumentedParameter("Last-Event-ID", "Replays the events after this one.", InHeader: true));
        group.MapGet("/{id}/metrics", MetricsAsync).WithName("GetTaskMetrics").Produces<Page<StepResponse>>().WithMetadata(DocumentedParameter.Paging);
        group.MapGet("/{id}/runs", RunsAsync).WithName("GetTaskRuns").Produces<Page<RunResponse>>().WithMetadata(DocumentedParameter.Paging);
        group.MapPost("/{id}/cancel", CancelAsync).WithName("CancelTask").Produces<TaskResponse>().WithMetadata(DocumentedStatus.Conflict);
        group.MapPost("/{id}/pause", PauseAsync).WithName("PauseTask").Produces<TaskResponse>().WithMetadata(DocumentedStatus.Conflict);
        group.MapPost("/{id}/resume", ResumeAsync).WithName("ResumeTask").Produces<TaskResponse>().WithMetadata(DocumentedStatus.Conflict);
        group.MapPost("/{id}/retry", RetryAsync).WithName("RetryTask").Produces<TaskResponse>().WithMetadata(DocumentedStatus.Conflict);
    }

    /// <summary>Sends a task data set: it is checked whole, queued, learned, merged and measured.</summary>
    /// <remarks>Rows come inline, by data set, or as a multipart file (JSONL or CSV). Every fault is answered with its line, field, reason and mend.</remarks>
    private static async Task<IResult> SubmitAsync(HttpRequest request, SubmitTask submit, TaskReader reader, CancellationToken cancellationToken)
    {
        var dryRun = request.Query["dry_run"].ToString();
        if (dryRun is not ("" or "true" or "false")) return Problem.Invalid("dry_run", $"'{dryRun}' is neither true nor false.", "Send true or false.");
        if (IdempotencyKey.Read(request, out var key) is { } badKey) return badKey;
        if ((await RequestBody.ReadAsync(request, Form, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        var result = await submit.RunAsync(
            Caller.Of(request.HttpContext.User), new Submission(body) { Sha256 = body.Sha256(), IdempotencyKey = key, DryRun = dryRun == "true" }, cancellationToken);
        return result switch
        {
            SubmitResult.Accepted accepted => TypedResults.Accepted($"/tasks/{accepted.Task.Id}", await reader.ShowAsync(accepted.Task, cancellationToken)),
            SubmitResult.Estimated estimated => TypedResults.Ok(estimated.Estimate),
            SubmitResult.Refused refused => refused.Problem,
            _ => throw new InvalidOperationException("SubmitResult is closed."),
        };
    }

    /// <summary>Lists your tasks, newest first.</summary>
    private static async Task<IResult> ListAsync(HttpRequest request, ServiceDbContext database, TaskReader reader, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var problem, out var paging)) return problem;
        var tenant = request.HttpContext.User.Tenant();
        var query = database.Tasks.AsNoTracking().Where(row => row.TenantId == tenant && row.Kind == LearningTaskKind.Training);
        if (request.Query["adapter"].ToString() is { Length: > 0 } named)
        {
            if ((await database.FindAdapterAsync(tenant, named, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
            // The tenant is asked for already; naming it again would let the database walk through all of its tasks for those of one adapter.
            query = database.Tasks.AsNoTracking().Where(row => row.AdapterId == adapter.Id && row.Kind == LearningTaskKind.Training);
        }

        if (request.Query["status"].ToString() is { Length: > 0 } wanted)
        {
            if (WireName.Parse<LearningTaskStatus>(wanted) is not { } status)
                return Problem.Invalid("status", $"There is no state '{wanted}'.", $"Send one of: {string.Join(", ", Enum.GetValues<LearningTaskStatus>().Select(WireName.Of))}.");
            query = query.Where(row => row.Status == status);
        }

        if (paging.Cursor is { } cursor) query = query.Where(row => string.Compare(row.Id, cursor) < 0);
        var rows = await query.OrderByDescending(row => row.Id).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        var shown = await reader.ShowAsync(rows, cancellationToken);
        return TypedResults.Ok(paging.Cut(rows, row => row.Id, row => shown[row.Id]));
    }

    /// <summary>Shows a task and how far it is.</summary>
    private static async Task<IResult> GetAsync(string id, HttpContext http, ServiceDbContext database, TaskReader reader, CancellationToken cancellationToken)
    {
        if ((await FindAsync(id, http, database, cancellationToken)).Failed(out var problem, out var task)) return problem;
        return TypedResults.Ok(await reader.ShowAsync(task, cancellationToken));
    }

    /// <summary>Streams a task's events (text/event-stream) until its last one.</summary>
    private static async Task<IResult> EventsAsync(string id, HttpContext http, ServiceDbContext database, TaskEventStream stream, CancellationToken cancellationToken)
    {
        var last = http.Request.Headers["Last-Event-ID"].ToString();
        var lastSeen = 0;
        if (last.Length > 0 && !int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out lastSeen))
            return Problem.Invalid("Last-Event-ID", $"'{last}' is not an event's id.", "Send the id of the last event you saw, or leave it out for all.");
        if ((await FindAsync(id, http, database, cancellationToken)).Failed(out var problem, out var task)) return problem;
        await stream.WriteAsync(http, task.Id, lastSeen);
        return TypedResults.Empty;
    }

    /// <summary>Lists a task's optimiser steps with loss, rate and gradient norm, in order.</summary>
    private static async Task<IResult> MetricsAsync(string id, HttpRequest request, ServiceDbContext database, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var badPage, out var paging)) return badPage;
        var tenant = request.HttpContext.User.Tenant();
        if (!await database.Tasks.AnyAsync(row => row.TenantId == tenant && row.Id == id && row.Kind == LearningTaskKind.Training, cancellationToken)) return NoTask(id);
        var steps = database.StepMetrics.AsNoTracking().Where(row => row.TaskId == id);
        var (wanted, rows) = (paging.Limit + 1, new List<StepMetric>());
        if (paging.Cursor is { } cursor)
        {
            var parts = cursor.Split('-');
            if (parts.Length != 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var attempt)
                || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var step)) return Paging.BadCursor(cursor);
            // The rest of the attempt and the later attempts are two ranges of the index; one condition over both would read the task's steps from the first on.
            rows.AddRange(await steps.Where(row => row.Attempt == attempt && row.Step > step).OrderBy(row => row.Step).Take(wanted).ToListAsync(cancellationToken));
            steps = steps.Where(row => row.Attempt > attempt);
        }

        if (rows.Count < wanted) rows.AddRange(await steps.OrderBy(row => row.Attempt).ThenBy(row => row.Step).Take(wanted - rows.Count).ToListAsync(cancellationToken));
        return TypedResults.Ok(paging.Cut(rows, row => $"{row.Attempt}-{row.Step}", StepResponse.Of));
    }

    /// <summary>Lists a task's runs, the attempts at it, in order: where each ran, from which step on, and how it ended.</summary>
    private static async Task<IResult> RunsAsync(string id, HttpRequest request, ServiceDbContext database, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var badPage, out var paging)) return badPage;
        if ((await FindAsync(id, request.HttpContext, database, cancellationToken)).Failed(out var problem, out var task)) return problem;
        var query = database.Runs.AsNoTracking().Where(row => row.TaskId == task.Id);
        if (paging.Cursor is { } cursor)
        {
            if (!int.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var after)) return Paging.BadCursor(cursor);
            query = query.Where(row => row.Attempt > after);
        }

        var rows = await query.OrderBy(row => row.Attempt).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(paging.Cut(rows, row => row.Attempt.ToString(CultureInfo.InvariantCulture), RunResponse.Of));
    }

    /// <summary>Cancels a task: a queued or paused one at once, a running one within seconds.</summary>
    private static async Task<IResult> CancelAsync(string id, HttpContext http, TaskControl control, TaskReader reader, CancellationToken cancellationToken) =>
        await AnswerAsync(await control.CancelAsync(Caller.Of(http.User), id, cancellationToken), reader, cancellationToken);

    /// <summary>Puts a task aside at its last checkpoint; later tasks of the adapter wait behind it.</summary>
    private static async Task<IResult> PauseAsync(string id, HttpContext http, TaskControl control, TaskReader reader, CancellationToken cancellationToken) =>
        await AnswerAsync(await control.PauseAsync(Caller.Of(http.User), id, cancellationToken), reader, cancellationToken);

    /// <summary>Queues a paused task again; it goes on from its checkpoint.</summary>
    private static async Task<IResult> ResumeAsync(string id, HttpContext http, TaskControl control, TaskReader reader, CancellationToken cancellationToken) =>
        await AnswerAsync(await control.ResumeAsync(Caller.Of(http.User), id, cancellationToken), reader, cancellationToken);

    /// <summary>Runs a failed or cancelled task once more, from its beginning, on top of the adapter's present head.</summary>
    private static async Task<IResult> RetryAsync(string id, HttpContext http, TaskControl control, TaskReader reader, CancellationToken cancellationToken) =>
        await AnswerAsync(await control.RetryAsync(Caller.Of(http.User), id, cancellationToken), reader, cancellationToken);

    private static async Task<IResult> AnswerAsync(Outcome<LearningTask> outcome, TaskReader reader, CancellationToken cancellationToken) =>
        outcome.Failed(out var problem, out var task) ? problem : TypedResults.Ok(await reader.ShowAsync(task, cancellationToken));

    private static async Task<Outcome<LearningTask>> FindAsync(string id, HttpContext http, ServiceDbContext database, CancellationToken cancellationToken)
    {
        var tenant = http.User.Tenant();
        var task = await database.Tasks.AsNoTracking().FirstOrDefaultAsync(row => row.TenantId == tenant && row.Id == id && row.Kind == LearningTaskKind.Training, cancellationToken);
        return task is not null ? task : NoTask(id);
    }

    private static Problem NoTask(string id) => Problem.NotFound($"The task '{id}'", "GET /tasks lists yours.");
}
