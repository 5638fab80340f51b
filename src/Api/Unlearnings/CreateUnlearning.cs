using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Api.Models;
using ContinualService.Api.Replays;
using ContinualService.Api.Requests;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Unlearnings;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Unlearnings;

/// <summary>Checks whether a task can be taken out of the head's lineage and queues it, in the one line of the adapter's tasks: those that are sent after it learn on top of what it makes.</summary>
internal sealed class CreateUnlearning(ServiceDbContext database, ModelCatalog catalog, LineageRows rows, SideTaskQueue queue)
{
    public async Task<Outcome<Unlearning>> RunAsync(Caller caller, Adapter adapter, JsonObject body, CancellationToken cancellationToken)
    {
        // Step 1: what the body alone shows.
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<UnlearnRequest>(body, errors);
        if (errors.Count == 0 && request.Task is null) errors.Add(new(null, "task", "The task is missing.", "Send its id, or its number among the tasks of the matrix, {\"task\": 2}."));
        if (errors.Count > 0) return Problem.Invalid(errors);
        var mode = request.Mode ?? UnlearnMode.Exact;

        // Step 2: the task.
        var lineage = await Lineage.ToAsync(database, adapter.Id, adapter.HeadVersion, cancellationToken);
        var learned = await rows.TasksAsync(lineage, cancellationToken);
        if ((await FindAsync(adapter, learned, request.Task!, cancellationToken)).Failed(out var unfit, out var removed)) return unfit;
        if (await UnfinishedAsync(adapter, cancellationToken) is { } unfinished) return unfinished;

        // Step 3: what is left without it, and whether the rows for that are there.
        if (UnlearningPath.Of(lineage, removed.Id, mode) is not { } path)
        {
            return Refused(lineage[0].TaskId is null
                ? $"Task {removed.Id} is the only one that was learned here: without it the adapter is version {lineage[0].Number}, as it was imported. POST /adapters/{adapter.Id}/rollback with {{\"version\": {lineage[0].Number}}} goes back to it."
                : $"Task {removed.Id} is the only one that '{adapter.Name}' has learned: without it there is the bare base model, which has a name of its own. DELETE the adapter, or send the next task to a new one.");
        }

        if (mode == UnlearnMode.Approximate && Unsuited(adapter, lineage, removed, path) is { } unsuited) return unsuited;
        if (catalog.BaseOf(adapter).Failed(out var otherBase, out _)) return otherBase;
        if (await rows.MissingAsync(await rows.TasksAsync(path.Again, cancellationToken), [.. learned.Where(task => task.Id != removed.Id)], cancellationToken) is { } missing) return missing;

        // Step 4: queue.
        var task = queue.TaskOf(caller, adapter, learned.Single(each => each.Id == path.Again[^1].TaskId), LearningTaskKind.Unlearning);
        var unlearning = new Unlearning { Id = Ids.New("unlearning"), AdapterId = adapter.Id, TaskId = task.Id, VersionNumber = adapter.HeadVersion, RemovedTaskId = removed.Id, Mode = mode };
        return await queue.SendAsync(caller, adapter, adapter.HeadVersion, task, "unlearning", unlearning.Id, unlearning, cancellationToken) is { } refused ? refused : unlearning;
    }

    private async Task<Outcome<LearningTask>> FindAsync(Adapter adapter, IReadOnlyList<LearningTask> learned, JsonNode wanted, CancellationToken cancellationToken)
    {
        const string Mend = "Send the id of a task, or its number among the tasks of the matrix.";
        if (wanted.GetValueKind() is not (JsonValueKind.String or JsonValueKind.Number)) return Problem.Invalid("task", "This is neither an id nor a number.", Mend);
        if (learned.Count == 0) return Refused($"The head of '{adapter.Name}' has learned no task here, so there is nothing to unlearn.");
        if (wanted.GetValueKind() == JsonValueKind.Number)
        {
            return wanted.AsValue().TryGetValue<int>(out var number) && number >= 1 && number <= learned.Count
                ? learned[number - 1]
                : Problem.Invalid("task", $"There is no task {wanted.ToJsonString()}.", $"Send a number from 1 to {learned.Count}: GET /adapters/{adapter.Id}/matrix lists the tasks.");
        }

        var id = wanted.GetValue<string>();
        if (learned.FirstOrDefault(task => task.Id == id) is { } found) return found;
        var status = await database.Tasks.Where(row => row.AdapterId == adapter.Id && row.Id == id && row.Kind == LearningTaskKind.Training).Select(row => (LearningTaskStatus?)row.Status).FirstOrDefaultAsync(cancellationToken);
        return status switch
        {
            null => Problem.NotFound($"The task '{id}' of '{adapter.Name}'", $"GET /adapters/{adapter.Id}/matrix lists the tasks that it has learned."),
            LearningTaskStatus.Queued or LearningTaskStatus.Running or LearningTaskStatus.Paused => Unlearned(id, $"is {WireName.Of(status.Value)} and not learned yet. POST /tasks/{id}/cancel keeps it out."),
            _ => Unlearned(id, $"is not part of what version {adapter.HeadVersion}, the head, has learned. Versions beside its lineage may hold it; roll back to one to take it out of that."),
        };

        static Problem Unlearned(string id, string why) => new(ProblemTypes.WrongState, $"Task {id} {why}") { TaskId = id };
    }

    // They stand before it in the line and would move the head that it was checked against.
    private async Task<Problem?> UnfinishedAsync(Adapter adapter, CancellationToken cancellationToken)
    {
        var other = await database.Tasks.AsNoTracking().Where(row => row.AdapterId == adapter.Id && (row.Kind == LearningTaskKind.Training || row.Kind == LearningTaskKind.Unlearning))
            .Where(row => row.Status == LearningTaskStatus.Queued || row.Status == LearningTaskStatus.Running || row.Status == LearningTaskStatus.Paused).OrderBy(row => row.Id).FirstOrDefaultAsync(cancellationToken);
        return other switch
        {
            null => null,
            { Kind: LearningTaskKind.Unlearning } => Refused($"Another unlearning of '{adapter.Name}' is {WireName.Of(other.Status)}. Wait for it, or DELETE the one that GET /adapters/{adapter.Id}/unlearnings shows."),
            _ => new Problem(ProblemTypes.WrongState, $"Task {other.Id} of '{adapter.Name}' is {WireName.Of(other.Status)} and will move the head. Wait for it, or POST /tasks/{other.Id}/cancel, then send this again.") { TaskId = other.Id },
        };
    }

    private static Problem? Unsuited(Adapter adapter, IReadOnlyList<AdapterVersion> lineage, LearningTask removed, UnlearningPath path)
    {
        if (adapter.ContinualMethod() is not IKeepsTasks)
        {
            var others = string.Join(", ", ContinualMethods.All.Where(other => other is IKeepsTasks).Select(other => other.Name));
            return Refused($"The method '{adapter.Method}' of '{adapter.Name}' does not keep a pair of each task that could be taken out (these do: {others}). Send mode exact: the tasks after it are learned again without it.");
        }

        return lineage[^1].TaskId != removed.Id ? null
            : Refused($"Task {removed.Id} is the last one that was learned, so version {path.Again[^1].Number} is the adapter without it, and not approximately. POST /adapters/{adapter.Id}/rollback with {{\"version\": {path.Again[^1].Number}}}, or send mode exact.");
    }

    private static Problem Refused(string detail) => new(ProblemTypes.WrongState, detail);
}
