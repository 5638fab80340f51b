using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.Adapters;
using ContinualService.Api.Tasks;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>Shows tasks as jobs.</summary>
internal sealed class JobReader(ServiceDbContext database, QueuePlaces queue, TimeProvider time)
{
    /// <summary>The tenant's tasks.</summary>
    public IQueryable<LearningTask> Of(string tenantId) => database.Tasks.AsNoTracking().Where(row => row.TenantId == tenantId && row.Kind == LearningTaskKind.Training);

    /// <summary>The task of a job's id.</summary>
    /// <exception cref="OpenAiException">404: the tenant has no such job.</exception>
    public async Task<LearningTask> FindAsync(string tenantId, string jobId, CancellationToken cancellationToken)
    {
        var taskId = JobIds.TaskOf(jobId);
        return await Of(tenantId).FirstOrDefaultAsync(row => row.Id == taskId, cancellationToken)
            ?? throw new OpenAiException(StatusCodes.Status404NotFound, $"The job '{jobId}' does not exist for this key. GET /v1/fine_tuning/jobs lists yours.", null, "not_found");
    }

    public async Task<JobResponse> ShowAsync(LearningTask task, CancellationToken cancellationToken) => (await ShowAsync([task], cancellationToken))[0];

    /// <summary>Shows a page of tasks with a fixed number of queries.</summary>
    public async Task<List<JobResponse>> ShowAsync(IReadOnlyList<LearningTask> tasks, CancellationToken cancellationToken)
    {
        var (ids, adapterIds) = (tasks.Select(task => task.Id).ToList(), tasks.Select(task => task.AdapterId).Distinct().ToList());
        var adapters = await database.Adapters.AsNoTracking().Where(row => adapterIds.Contains(row.Id)).ToDictionaryAsync(row => row.Id, cancellationToken);
        var requests = await database.FineTuningJobs.AsNoTracking().Where(row => ids.Contains(row.TaskId)).ToDictionaryAsync(row => row.TaskId, cancellationToken);
        var versions = await database.Versions.AsNoTracking().Where(row => row.TaskId != null && ids.Contains(row.TaskId) && row.MergePreviewId == null && row.UnlearningId == null).ToDictionaryAsync(row => row.TaskId!, cancellationToken);
        var tokens = await TokensAsync([.. versions.Keys], cancellationToken);
        var places = await queue.OfAsync(tasks, cancellationToken);
        return [.. tasks.Select(task => Shape(
            task, adapters[task.AdapterId], requests.GetValueOrDefault(task.Id), versions.GetValueOrDefault(task.Id), tokens.GetValueOrDefault(task.Id),
            places.TryGetValue(task.Id, out var place) ? place : null))];
    }

    // The last step of each alone, found by its key: a task may have a million.
    private Task<Dictionary<string, long?>> TokensAsync(List<string> ids, CancellationToken cancellationToken) =>
        database.Tasks.Where(task => ids.Contains(task.Id))
            .Select(task => new
            {
                task.Id,
                Tokens = database.StepMetrics.Where(step => step.TaskId == task.Id).OrderByDescending(step => step.Attempt).ThenByDescending(step => step.Step).Select(step => (long?)step.Tokens).FirstOrDefault(),
            })
            .ToDictionaryAsync(task => task.Id, task => task.Tokens, cancellationToken);

    private JobResponse Shape(LearningTask task, Adapter adapter, FineTuningJob? request, AdapterVersion? version, long? tokens, int? place)
    {
        var used = HyperparametersJson.Parse(task.HyperparametersJson);
        var shown = JobHyperparameters.Show(used);
        return new JobResponse
        {
            Id = JobIds.OfTask(task.Id),
            CreatedAt = task.CreatedAt.ToUnixTimeSeconds(),
            FinishedAt = task.FinishedAt?.ToUnixTimeSeconds(),
            Model = request?.Model ?? adapter.Name,
            // A client that waits for this name would answer with what the gate keeps back.
            FineTunedModel = version is null or { Refused: true } ? null : FineTunedModels.NameOf(adapter, task.Id),
            OrganizationId = task.TenantId,
            Status = WireName.Of(task.Status),
            TrainingFile = request?.TrainingFileId,
            ValidationFile = request?.ValidationFileId,
            Hyperparameters = shown,
            TrainedTokens = tokens,
            Error = task.FailureCode is { } code ? new JobErrorResponse(WireName.Of(code), task.FailureMessage ?? "", code is TaskFailureCode.InvalidDataset ? "training_file" : null) : null,
            Seed = used.Seed,
            EstimatedFinish = EstimatedFinish(task),
            Method = new JobMethodResponse(new JobSupervisedResponse(shown)),
            Metadata = Texts(task.MetadataJson),
            UserProvidedSuffix = request?.Suffix,
            Progress = new JobProgressResponse(task.Percent, task.Step, task.TotalSteps, task.SecondsRemaining, task.SecondsRemaining is not null, place),
            Forgetting = version?.Forgetting,
            Gate = (JsonObject?)JobEvents.SnakeCase(GateView.Brief(version?.GateJson)),
            Adapter = adapter.Name,
            TaskId = task.Id,
        };
    }

    // Rounded up and one more: a client waits until this moment, and one that has passed when it reads it ends the wait of the .NET client with an error.
    private long? EstimatedFinish(LearningTask task) =>
        task is { Status: LearningTaskStatus.Running, SecondsRemaining: { } seconds } ? (long)Math.Ceiling(time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0 + seconds) + 1 : null;

    private static Dictionary<string, string> Texts(string json) =>
        ((JsonObject)JsonNode.Parse(json)!).ToDictionary(pair => pair.Key, pair => pair.Value?.GetValueKind() == JsonValueKind.String ? (string)pair.Value! : pair.Value?.ToJsonString() ?? "null");
}
