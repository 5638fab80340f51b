using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Api.Models;
using ContinualService.Api.Requests;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Gates;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Previews;

/// <summary>Checks what a preview is asked for and queues it, in the one line of the adapter's tasks. What published versions have scored already is not measured again.</summary>
internal sealed class CreatePreview(ServiceDbContext database, ModelCatalog catalog, SideTaskQueue queue)
{
    private const int MostLambdas = 33;
    private const int UsualSteps = 8;

    public async Task<Outcome<MergePreview>> RunAsync(Caller caller, Adapter adapter, JsonObject body, CancellationToken cancellationToken)
    {
        // Step 1: what the body alone shows.
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<CreatePreviewRequest>(body, errors);
        var lambdas = Lambdas(request.Lambdas, errors);
        var policy = new MergePolicy(request.Policy?.Objective ?? MergeObjective.AverageAccuracy, request.Policy?.LargestForgetting);
        if (policy.LargestForgetting is { } bound && !(bound >= 0)) errors.Add(new(null, "policy.largestForgetting", $"{bound} is below 0.", "Send 0 or more, or leave it out."));
        if (catalog.BaseOf(adapter).Failed(out var gone, out var model)) return gone;
        var schedules = ScheduleReader.Read(request.Schedules, model.Config.LayerCount, errors);
        if (lambdas.Count <= MostLambdas && lambdas.Count + schedules.Count > MostLambdas)
            errors.Add(new(null, "schedules", $"There are {schedules.Count}, and {lambdas.Count} lambdas.", $"Send {MostLambdas} of both together at most; without lambdas there are {UsualSteps + 1}."));
        if (errors.Count > 0) return Problem.Invalid(errors);

        // Step 2: against what the adapter has learned.
        var path = await Lineage.ToAsync(database, adapter.Id, adapter.HeadVersion, cancellationToken);
        if (Unfit(adapter, path) is { } unfit) return unfit;
        var head = path[^1];
        var taskIds = path.Where(version => version.TaskId is not null).Select(version => version.TaskId!).ToList();
        var learned = await database.Tasks.AsNoTracking().Where(row => taskIds.Contains(row.Id)).ToListAsync(cancellationToken);
        var last = learned.Single(task => task.Id == head.TaskId);
        if (last.EvaluationDatasetId is null) return Refused($"The last task of '{adapter.Name}' ({last.Id}) has no held-out rows, so nothing can be measured. Send tasks with an evaluation part.");
        if (policy.Objective == MergeObjective.AverageAccuracy && learned.Find(task => task.EvaluationDatasetId is null) is { } unmeasured)
            return Problem.Invalid("policy.objective", $"Task {unmeasured.Id} has no held-out rows, so there is no average over all tasks.", "Send {\"policy\": {\"objective\": \"newTask\"}}.");

        // Step 3: the method's own lambda is always there, and what versions of this very task have scored.
        var own = adapter.ContinualMethod().Lambda(head.TaskIndex);
        List<MergeSchedule> wanted = [.. lambdas.Append(own).Distinct().Order().Select(MergeSchedule.Of), .. schedules];
        var points = await KnownAsync(head, GatePolicy.Read(adapter.GateJson), wanted, model.Config.LayerCount, [.. learned.Where(task => task.EvaluationDatasetId is not null).Select(task => task.Id)], cancellationToken);

        // Step 4: queue.
        var task = queue.TaskOf(caller, adapter, last, LearningTaskKind.MergePreview);
        var preview = new MergePreview
        {
            Id = Ids.New("preview"),
            AdapterId = adapter.Id,
            TaskId = task.Id,
            VersionNumber = head.Number,
            OwnLambda = own,
            LambdasJson = MergeSchedule.WriteAll(wanted),
            PolicyJson = JsonSerializer.Serialize(policy, JsonSerializerOptions.Web),
            PointsJson = PreviewPoint.Write(points),
        };
        return await queue.SendAsync(caller, adapter, head.Number, task, "preview", preview.Id, preview, cancellationToken) is { } refused ? refused : preview;
    }

    private static List<double> Lambdas(JsonArray? sent, List<FieldError> errors)
    {
        if (sent is null) return [.. Enumerable.Range(0, UsualSteps + 1).Select(step => (double)step / UsualSteps)];
        var lambdas = sent.Select(node => node is JsonValue value && value.GetValueKind() == JsonValueKind.Number ? value.GetValue<double>() : double.NaN).ToList();
        var mend = $"Send 1 to {MostLambdas} numbers from 0 to 1, each larger than the one before.";
        if (lambdas.Count is 0 or > MostLambdas) errors.Add(new(null, "lambdas", $"There are {lambdas.Count}.", mend));
        else if (lambdas.FindIndex(lambda => lambda is not (>= 0 and <= 1)) is var odd and >= 0) errors.Add(new(null, $"lambdas[{odd}]", "This is not a number from 0 to 1.", mend));
        else if (Enumerable.Range(1, lambdas.Count - 1).Any(index => lambdas[index] <= lambdas[index - 1])) errors.Add(new(null, "lambdas", "They do not rise.", mend));
        return lambdas;
    }

    private static Problem? Unfit(Adapter adapter, IReadOnlyList<AdapterVersion> path)
    {
        if (adapter.ContinualMethod() is not IAffineMerge method)
        {
            var others = string.Join(" or ", ContinualMethods.All.Where(other => other is IAffineMerge).Select(other => other.Name));
            return Refused($"The method '{adapter.Method}' of '{adapter.Name}' does not merge by one lambda, so there is nothing to vary. Make an adapter with the method {others}.");
        }

        if (path.Count == 0) return Refused($"'{adapter.Name}' has learned nothing yet. Send it two tasks: the first is served whole, the second is merged.");
        if (path[^1].TaskId is null) return Refused($"The head of '{adapter.Name}' was imported, and no task was merged into it here. Send a task first.");
        if (path.Count == 1) return Refused($"'{adapter.Name}' has learned one task, which is served whole under every lambda. Send the next task first.");
        return null;
    }

    private async Task<IReadOnlyList<PreviewPoint>> KnownAsync(
        AdapterVersion head, GatePolicy? policy, IReadOnlyList<MergeSchedule> wanted, int layers, IReadOnlyList<string> measured, CancellationToken cancellationToken)
    {
        // What an unlearning made of the task may have been trained on another machine, and is another fine-tune then.
        var versions = await database.Versions.AsNoTracking().Where(row => row.AdapterId == head.AdapterId && row.Parent == head.Parent && row.TaskId == head.TaskId && row.UnlearningId == head.UnlearningId).OrderBy(row => row.Number).ToListAsync(cancellationToken);
        List<PreviewPoint> points = [];
        foreach (var version in versions)
        {
            var merge = version.Merge();
            if (!wanted.Contains(merge) || points.Exists(point => point.Merge() == merge)) continue;
            var gate = policy is null ? null : GateVerdict.Read(version.GateJson);
            if (gate?.Policy != policy) continue; // the gate as it stands has not judged it
            var cells = await database.MatrixCells.AsNoTracking().Where(row => row.AdapterId == head.AdapterId && row.VersionNumber == version.Number && measured.Contains(row.TaskId)).OrderBy(row => row.TaskId).ToListAsync(cancellationToken);
            if (cells.Count == measured.Count) points.Add(PreviewPoint.Of(merge, layers, version.Sha256, version.StateSha256, [.. cells.Select(PreviewScore.Of)], gate));
        }

        return points;
    }

    private static Problem Refused(string detail) => new(ProblemTypes.WrongState, detail);
}
