using System.Text.Json.Nodes;
using ContinualService.Api.Adapters;
using ContinualService.Api.Datasets;
using ContinualService.Api.Errors;
using ContinualService.Api.Models;
using ContinualService.Api.Requests;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Data;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tasks;

/// <summary>
/// Checks a submission whole and stores nothing:
/// <list type="number">
/// <item>the fields;</item>
/// <item>the adapter and its base;</item>
/// <item>the training rows, each with its line;</item>
/// <item>the held-out rows;</item>
/// <item>every row's tokens against the context;</item>
/// <item>the metric.</item>
/// </list>
/// </summary>
internal sealed class TaskValidation(ServiceDbContext database, ModelCatalog catalog, ModelTexts texts, RowReader reader, CreateAdapter adapters)
{
    public const string File = "file";
    public const string EvaluationFile = "evaluationFile";

    /// <summary>Held-out rows, from whichever part of the request they came.</summary>
    public const string Evaluation = "evaluation";
    private const string DefaultAdapter = "default";
    private const double DefaultFraction = 0.1;
    private const double LargestFraction = 0.5;
    private const int LongestName = 200;
    private const int LargestPriority = 100;
    private const int LargestMetadata = 16 << 10;

    public async Task<Outcome<TaskDraft>> CheckAsync(string tenantId, Submission submission, CancellationToken cancellationToken)
    {
        var body = submission.Body;
        // Step 1: the fields.
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<SubmitTaskRequest>(body.Fields, errors);
        var settings = request.Hyperparameters ?? new Hyperparameters();
        CheckFields(request, settings, body, errors);
        if (errors.Count > 0) return Problem.Invalid(errors);

        // Step 2: the adapter and its base.
        if ((await FindTargetAsync(tenantId, request, submission.NewAdapter, cancellationToken)).Failed(out var noTarget, out var target)) return noTarget;

        // Step 3: the training rows.
        var read = await ReadAsync(tenantId, body.Files.GetValueOrDefault(File), request.Examples, request.DatasetId, "", cancellationToken);
        if (read.Failed(out var badRows, out var rows)) return badRows;

        // Step 4: the held-out rows.
        var held = await HoldOutAsync(tenantId, request.Evaluation, body.Files.GetValueOrDefault(EvaluationFile), rows, settings.Seed, cancellationToken);
        if (held.Failed(out var badEvaluation, out var split)) return badEvaluation;

        // Step 5: tokens.
        var counter = new TokenCounter(texts.Of(target.Model), settings.MaxSequenceLength);
        if (counter.Check(rows, File) is { } tooLong) return tooLong;
        if (split.Given && counter.Check(split.HeldOut!, Evaluation) is { } heldOutTooLong) return heldOutTooLong;

        // Step 6: the metric.
        if (TaskScoring.Choose(request.Evaluation?.Metric, split.Training, split.HeldOut).Failed(out var badMetric, out var metric)) return badMetric;
        return new TaskDraft(
            target.Adapter, target.Origin, target.Model, request.Name ?? rows.Name, split.Training, split.HeldOut, metric.Metric, metric.Labels, settings,
            request.Priority ?? 0, request.Metadata?.ToJsonString() ?? "{}", DatasetSplit.CountOverlap(split.Training.Examples, split.HeldOut?.Examples ?? []), counter.Of(split.Training.Examples),
            split.HeldOut is null ? null : counter.Of(split.HeldOut.Examples));
    }

    private static void CheckFields(SubmitTaskRequest request, Hyperparameters settings, RequestBody body, List<FieldError> errors)
    {
        if (request.Name is { Length: 0 or > LongestName }) errors.Add(new(null, "name", "The name is empty or too long.", $"Use 1 to {LongestName} characters."));
        if (request.Metadata?.ToJsonString().Length > LargestMetadata) errors.Add(new(null, "metadata", "The metadata is too large.", $"Keep it below {LargestMetadata} characters."));
        if (request.Priority is < -LargestPriority or > LargestPriority)
            errors.Add(new(null, "priority", "The priority is out of range.", $"Send a whole number from -{LargestPriority} to {LargestPriority}."));
        foreach (var (field, reason, mend) in settings.Validate()) errors.Add(new(null, $"hyperparameters.{field}", $"The value {reason}.", mend));

        var sources = Count(body.Files.ContainsKey(File), request.Examples is not null, request.DatasetId is not null);
        if (sources != 1) errors.Add(new(null, "examples", $"There are {sources} sources of training rows.", "Send exactly one of: examples, datasetId, or a multipart part `file`."));
        if (request.Evaluation is not { } evaluation)
        {
            return;
        }

        var held = Count(body.Files.ContainsKey(EvaluationFile), evaluation.Examples is not null, evaluation.DatasetId is not null, evaluation.Fraction is not null);
        if (held > 1) errors.Add(new(null, "evaluation", $"There are {held} sources of held-out rows.", "Send at most one of: fraction, examples, datasetId, or a multipart part `evaluationFile`."));
        if (evaluation.Fraction is { } fraction && !(fraction is >= 0 and <= LargestFraction))
            errors.Add(new(null, "evaluation.fraction", "The fraction is out of range.", FormattableString.Invariant($"Send 0 to {LargestFraction}.")));
        if (evaluation.Metric is { } metric && TaskMetricNames.Parse(metric) is null)
            errors.Add(new(null, "evaluation.metric", $"There is no metric '{metric}'.", $"Send one of: {string.Join(", ", Enum.GetValues<TaskMetric>().Select(value => value.WireName()))}."));
    }

    private static int Count(params bool[] present) => present.Count(is_ => is_);

    private async Task<Outcome<Target>> FindTargetAsync(string tenantId, SubmitTaskRequest request, NewAdapter? wanted, CancellationToken cancellationToken)
    {
        if (wanted is not null)
        {
            if (catalog.Choose(texts, wanted.Model).Failed(out var unusable, out var basis)) return unusable;
            return new Target(adapters.WithDefaults(tenantId, wanted.Name, basis), AdapterOrigin.New, basis);
        }

        var adapter = request.Adapter is { } named
            ? await database.AdaptersOf(tenantId).FirstOrDefaultAsync(row => row.Id == named || row.Name == named, cancellationToken)
            : await FindDefaultAsync(tenantId, cancellationToken);
        if (adapter is null && request.Adapter is not null)
            return Problem.NotFound($"The adapter '{request.Adapter}'", "POST /adapters first, or leave `adapter` out for your default adapter.");
        if (adapter is null)
        {
            if (catalog.Choose(texts, request.Model).Failed(out var unknown, out var chosen)) return unknown;
            return new Target(adapters.WithDefaults(tenantId, DefaultAdapter, chosen), AdapterOrigin.NewDefault, chosen);
        }

        if (request.Model is { } asked && asked != adapter.Model)
        {
            if (catalog.Find(asked) is null && catalog.Choose(texts, asked).Failed(out var unknown, out _)) return unknown;
            return new Problem(ProblemTypes.OtherBase, $"The adapter '{adapter.Name}' stands on '{adapter.Model}', not on '{asked}', and its base never changes. Leave `model` out, or POST /adapters for one on '{asked}'.");
        }

        if (catalog.BaseOf(adapter).Failed(out var noBase, out var model)) return noBase;
        return new Target(adapter, AdapterOrigin.Present, model);
    }

    /// <summary>The tenant's default adapter, or one that the tenant named so itself.</summary>
    private Task<Adapter?> FindDefaultAsync(string tenantId, CancellationToken cancellationToken) =>
        database.AdaptersOf(tenantId)
            .OrderByDescending(row => database.Tenants.Any(tenant => tenant.DefaultAdapterId == row.Id))
            .FirstOrDefaultAsync(row => row.Name == DefaultAdapter || database.Tenants.Any(tenant => tenant.DefaultAdapterId == row.Id), cancellationToken);

    private async Task<Outcome<Rows>> ReadAsync(
        string tenantId, UploadedFile? file, JsonArray? examples, string? datasetId, string prefix, CancellationToken cancellationToken)
    {
        if (file is not null) return RowReader.FromFile(file, prefix.Length == 0 ? File : EvaluationFile);
        if (examples is not null) return RowReader.FromInline(examples, prefix + "examples");
        return await reader.FromDatasetAsync(tenantId, datasetId!, prefix + "datasetId", cancellationToken);
    }

    private async Task<Outcome<Split>> HoldOutAsync(
        string tenantId, EvaluationRequest? evaluation, UploadedFile? file, Rows rows, long seed, CancellationToken cancellationToken)
    {
        if (file is not null || evaluation?.Examples is not null || evaluation?.DatasetId is not null)
        {
            var read = await ReadAsync(tenantId, file, evaluation?.Examples, evaluation?.DatasetId, "evaluation.", cancellationToken);
            return read.Failed(out var problem, out var given) ? problem : new Split(rows, given, Given: true);
        }

        var fraction = evaluation?.Fraction ?? DefaultFraction;
        var split = DatasetSplit.Create(rows.Examples, fraction, seed);
        if (split.HeldOut.Count > 0)
        {
            return new Split(
                rows with { Name = $"{rows.Name} (training)", Examples = split.Training, DatasetId = null },
                rows with { Name = $"{rows.Name} (held out)", Examples = split.HeldOut, DatasetId = null },
                Given: false);
        }

        if (evaluation?.Fraction is > 0)
            return Problem.Invalid("evaluation.fraction", "There are too few rows to hold any out.", "Send at least two rows, held-out rows of their own, or fraction 0.");
        return new Split(rows, null, Given: false);
    }

    private sealed record Target(Adapter Adapter, AdapterOrigin Origin, CatalogModel Model);

    private sealed record Split(Rows Training, Rows? HeldOut, bool Given);
}
