using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>Routes of /v1/fine_tuning/jobs: tasks, in the words of the OpenAI interface.</summary>
internal static class JobRoutes
{
    private const string Example =
        """
        {
          "model": "tiny-llama",
          "training_file": "file-0193c1d0e8a97f30b6a1f0c2d4e6a8b0",
          "suffix": "support",
          "seed": 42,
          "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": "auto", "learning_rate_multiplier": 1}}},
          "metadata": {"source": "helpdesk"}
        }
        """;

    public static IServiceCollection AddJobs(this IServiceCollection services) => services.AddScoped<CreateJob>().AddScoped<JobReader>().AddScoped<JobCheckpoints>();

    public static void MapJobs(this IEndpointRouteBuilder group)
    {
        group.MapPost("/fine_tuning/jobs", CreateAsync).WithName("CreateJob").Accepts<JobExample>("application/json").Produces<JobResponse>()
            .WithMetadata(new DocumentedBody(Example), DocumentedStatus.Conflict, new DocumentedStatus(StatusCodes.Status404NotFound, "There is no such model or file for this key.")).WithMetadata(IdempotencyKey.Documented);
        group.MapGet("/fine_tuning/jobs", ListAsync).WithName("ListJobs").Produces<OpenAiList<JobResponse>>().WithMetadata(ListQuery.Documented());
        group.MapGet("/fine_tuning/jobs/{id}", GetAsync).WithName("GetJob").Produces<JobResponse>();
        group.MapGet("/fine_tuning/jobs/{id}/events", EventsAsync).WithName("ListJobEvents").Produces<OpenAiList<JobEventResponse>>().WithMetadata(ListQuery.Documented());
        group.MapGet("/fine_tuning/jobs/{id}/checkpoints", CheckpointsAsync).WithName("ListJobCheckpoints").Produces<OpenAiList<JobCheckpointResponse>>().WithMetadata(ListQuery.Documented());
        group.MapPost("/fine_tuning/jobs/{id}/cancel", CancelAsync).WithName("CancelJob").Produces<JobResponse>().WithMetadata(DocumentedStatus.Conflict);
        group.MapPost("/fine_tuning/jobs/{id}/pause", PauseAsync).WithName("PauseJob").Produces<JobResponse>().WithMetadata(DocumentedStatus.Conflict);
        group.MapPost("/fine_tuning/jobs/{id}/resume", ResumeAsync).WithName("ResumeJob").Produces<JobResponse>().WithMetadata(DocumentedStatus.Conflict);
    }

    /// <summary>Makes a fine-tuning job: a base model gets a new adapter, an adapter its next task.</summary>
    /// <remarks>The files are checked whole before the answer; every fault comes back with line, field, reason and mend in error.x_errors.</remarks>
    private static async Task<IResult> CreateAsync(HttpRequest request, CreateJob create, JobReader jobs, CancellationToken cancellationToken)
    {
        if (IdempotencyKey.Read(request, out var key) is { } badKey) return badKey;
        if ((await RequestBody.ReadAsync(request, form: null, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        var task = await create.RunAsync(Caller.Of(request.HttpContext.User), body, key, cancellationToken);
        return TypedResults.Ok(await jobs.ShowAsync(task, cancellationToken));
    }

    /// <summary>Lists your jobs, newest first; tasks of POST /tasks are among them.</summary>
    private static async Task<IResult> ListAsync(HttpRequest request, JobReader jobs, CancellationToken cancellationToken)
    {
        var page = ListQuery.Read(request, JobIds.Job);
        var query = jobs.Of(request.HttpContext.User.Tenant());
        if (page.After is { } last)
        {
            var after = JobIds.TaskOf(last);
            query = page.Ascending ? query.Where(row => string.Compare(row.Id, after) > 0) : query.Where(row => string.Compare(row.Id, after) < 0);
        }

        query = page.Ascending ? query.OrderBy(row => row.Id) : query.OrderByDescending(row => row.Id);
        var rows = await query.Take(page.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(page.Cut(await jobs.ShowAsync(rows, cancellationToken), job => job.Id));
    }

    /// <summary>Shows a job and how far it is.</summary>
    private static async Task<IResult> GetAsync(string id, HttpContext http, JobReader jobs, CancellationToken cancellationToken) =>
        TypedResults.Ok(await jobs.ShowAsync(await jobs.FindAsync(http.User.Tenant(), id, cancellationToken), cancellationToken));

    /// <summary>Lists what happened to a job, newest first.</summary>
    private static async Task<IResult> EventsAsync(string id, HttpRequest request, ServiceDbContext database, JobReader jobs, CancellationToken cancellationToken)
    {
        var page = ListQuery.Read(request, JobIds.Event);
        var task = await jobs.FindAsync(request.HttpContext.User.Tenant(), id, cancellationToken);
        var query = database.TaskEvents.AsNoTracking().Where(row => row.TaskId == task.Id);
        if (page.After is { } last)
        {
            var after = JobIds.EventNumber(task.Id, last) ?? throw OpenAiException.Invalid("after", $"'{last}' is no event of this job. Send the last_id of the page before, unchanged.");
            query = page.Ascending ? query.Where(row => row.Number > after) : query.Where(row => row.Number < after);
        }

        query = page.Ascending ? query.OrderBy(row => row.Number) : query.OrderByDescending(row => row.Number);
        var rows = await query.Take(page.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(page.Cut(rows.ConvertAll(JobEvents.Show), row => row.Id));
    }

    /// <summary>Lists the version that a job published, with what was measured of it.</summary>
    private static async Task<IResult> CheckpointsAsync(string id, HttpRequest request, JobReader jobs, JobCheckpoints checkpoints, CancellationToken cancellationToken)
    {
        var page = ListQuery.Read(request, JobIds.Checkpoint);
        var task = await jobs.FindAsync(request.HttpContext.User.Tenant(), id, cancellationToken);
        // After the only one there is nothing.
        var published = page.After is null ? await checkpoints.OfAsync(task, cancellationToken) : [];
        return TypedResults.Ok(page.Cut(published, row => row.Id));
    }

    /// <summary>Cancels a job: a queued or paused one at once, a running one within seconds.</summary>
    private static Task<IResult> CancelAsync(string id, HttpContext http, TaskControl control, JobReader jobs, CancellationToken cancellationToken) =>
        ChangeAsync(id, http, jobs, control.CancelAsync, cancellationToken);

    /// <summary>Puts a job aside at its last recovery point; later jobs of the adapter wait behind it.</summary>
    private static Task<IResult> PauseAsync(string id, HttpContext http, TaskControl control, JobReader jobs, CancellationToken cancellationToken) =>
        ChangeAsync(id, http, jobs, control.PauseAsync, cancellationToken);

    /// <summary>Queues a paused job again; it goes on from its recovery point.</summary>
    private static Task<IResult> ResumeAsync(string id, HttpContext http, TaskControl control, JobReader jobs, CancellationToken cancellationToken) =>
        ChangeAsync(id, http, jobs, control.ResumeAsync, cancellationToken);

    private static async Task<IResult> ChangeAsync(
        string id, HttpContext http, JobReader jobs, Func<Caller, string, CancellationToken, Task<Outcome<LearningTask>>> change, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(http.User);
        // The id is looked up first, so that a refusal speaks of the job and not of its task.
        var found = await jobs.FindAsync(caller.TenantId, id, cancellationToken);
        return (await change(caller, found.Id, cancellationToken)).Failed(out var problem, out var task) ? problem : TypedResults.Ok(await jobs.ShowAsync(task, cancellationToken));
    }
}
