using System.Text.Json.Nodes;
using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Api.OpenAi.Files;
using ContinualService.Api.Requests;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>Turns a job's request into a submission like any other:
/// <list type="number">
/// <item>the options;</item>
/// <item>the model: a base is to get a new adapter, an adapter its next task;</item>
/// <item>the files;</item>
/// <item><see cref="SubmitTask"/> checks the rows and queues the task.</item>
/// </list>
/// </summary>
internal sealed class CreateJob(ServiceDbContext database, ModelCatalog catalog, AdapterNames names, FileStore files, SubmitTask submit)
{
    // What may stand between an adapter's name and its live version in the name of a model.
    private static readonly string[] LiveSelectors = [$"@{AdapterAlias.Live}", $":{AdapterAlias.Live}"];

    /// <exception cref="OpenAiException">Refused, naming the option.</exception>
    public async Task<LearningTask> RunAsync(Caller caller, RequestBody body, string? idempotencyKey, CancellationToken cancellationToken)
    {
        // Step 1: the options; a repeated request is answered before its files are looked for, which may be gone by now.
        var request = JobRequest.Parse(body.Fields);
        var sha256 = body.Sha256();
        if (await submit.ReplayAsync(caller.TenantId, idempotencyKey, sha256, cancellationToken) is { } earlier) return TaskOf(earlier);

        // Step 2: the model.
        var fields = new JsonObject { ["hyperparameters"] = request.Hyperparameters.ToSubmission(request.Seed), ["metadata"] = request.Metadata };
        var wanted = catalog.Find(request.Model) is null ? null : new NewAdapter(request.Model, NameFor(request));
        if (wanted is null) fields["adapter"] = await AdapterAsync(caller.TenantId, request, cancellationToken);

        // Step 3: the files.
        var sent = new Dictionary<string, UploadedFile> { [TaskValidation.File] = await ReadAsync(caller.TenantId, request.TrainingFile, "training_file", cancellationToken) };
        if (request.ValidationFile is { } heldOut) sent[TaskValidation.EvaluationFile] = await ReadAsync(caller.TenantId, heldOut, "validation_file", cancellationToken);

        // Step 4: the submission.
        var submission = new Submission(new RequestBody(fields, sent))
        {
            Sha256 = sha256,
            IdempotencyKey = idempotencyKey,
            NewAdapter = wanted,
            Job = taskId => new FineTuningJob
            {
                TaskId = taskId,
                Model = request.Model,
                Suffix = request.Suffix,
                TrainingFileId = request.TrainingFile,
                ValidationFileId = request.ValidationFile,
            },
        };
        return TaskOf(await submit.RunAsync(caller, submission, cancellationToken));
    }

    private static LearningTask TaskOf(SubmitResult result) => result switch
    {
        SubmitResult.Accepted accepted => accepted.Task,
        SubmitResult.Refused { Problem: var problem } => throw new OpenAiException(problem.Type.Status, problem.Detail, Param(problem), problem.Type.Code) { Errors = problem.Errors },
        _ => throw new InvalidOperationException("A job is no dry run."),
    };

    /// <summary>The option of the job that a submission's problem is about.</summary>
    private static string? Param(Problem problem)
    {
        if (problem.Type == ProblemTypes.UnknownModel || problem.Type == ProblemTypes.OtherBase) return "model";
        return problem.Part switch
        {
            TaskValidation.File => "training_file",
            TaskValidation.EvaluationFile or TaskValidation.Evaluation => "validation_file",
            _ => null,
        };
    }

    private string NameFor(JobRequest request)
    {
        if (request.Suffix is null) return AdapterNames.From($"ft-{request.Model}");
        if (names.Check(request.Suffix, "suffix") is { } bad) throw OpenAiException.Invalid("suffix", $"'suffix' becomes the adapter's name. {bad.Reason} {bad.Mend}");
        return request.Suffix;
    }

    /// <summary>Id of the adapter whose next task this is. It starts where the last one ended, whichever of the adapter's versions the name was made for.</summary>
    private async Task<string> AdapterAsync(string tenantId, JobRequest request, CancellationToken cancellationToken)
    {
        var adapter = FineTunedModels.IsName(request.Model)
            ? (await database.FindFineTunedAsync(tenantId, request.Model, cancellationToken)).Adapter
            : await NamedAsync(tenantId, request.Model, cancellationToken);
        if (request.Suffix is { } suffix && suffix != adapter.Name)
            throw OpenAiException.Invalid("suffix", $"The adapter '{adapter.Name}' keeps its name. Leave suffix out, or name a base model to make a new adapter.");
        return adapter.Id;
    }

    private async Task<Adapter> NamedAsync(string tenantId, string model, CancellationToken cancellationToken)
    {
        var selector = LiveSelectors.FirstOrDefault(end => model.EndsWith(end, StringComparison.Ordinal));
        var name = selector is null ? model : model[..^selector.Length];
        if (name.AsSpan().IndexOfAny('@', ':') is var cut and > 0)
            throw OpenAiException.Invalid("model", $"A task goes on where the adapter's last one ended, not at '{name[cut..]}'. Send '{name[..cut]}' alone.");
        return await database.AdaptersOf(tenantId).FirstOrDefaultAsync(row => row.Name == name || row.Id == name, cancellationToken)
            ?? throw OpenAiException.NoModel(model, "no base model and no adapter of this key has this name. GET /v1/models lists what there is.");
    }

    private async Task<UploadedFile> ReadAsync(string tenantId, string id, string param, CancellationToken cancellationToken)
    {
        var file = await files.FindAsync(tenantId, id, param, cancellationToken);
        var bytes = new byte[file.SizeBytes];
        await using var content = await files.OpenAsync(file, cancellationToken);
        using var buffer = new MemoryStream(bytes);
        // To its end: only there the bytes are known to be those that were sent.
        await content.CopyToAsync(buffer, cancellationToken);
        return new UploadedFile(file.FileName, bytes);
    }
}
