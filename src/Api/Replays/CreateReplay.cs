using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Api.Models;
using ContinualService.Api.Requests;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Unlearnings;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Replays;

/// <summary>Checks whether a version's lineage can be trained once more and queues it, in the one line of the adapter's tasks.</summary>
internal sealed class CreateReplay(ServiceDbContext database, ModelCatalog catalog, LineageRows rows, SideTaskQueue queue)
{
    private const double UsualTolerance = 0.01;

    public async Task<Outcome<Replay>> RunAsync(Caller caller, Adapter adapter, JsonObject body, CancellationToken cancellationToken)
    {
        // Step 1: what the body alone shows.
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<CreateReplayRequest>(body, errors);
        if (errors.Count == 0 && request.Version < 1) errors.Add(new(null, "version", $"There is no version {request.Version}.", "Send a number from 1 on, or leave it out for the head."));
        if (request.Tolerance is { } tolerance && !(tolerance is >= 0 and <= 1)) errors.Add(new(null, "tolerance", $"{tolerance} is not a share.", "Send a number from 0 to 1, or leave it out."));
        if (errors.Count > 0) return Problem.Invalid(errors);

        // Step 2: against what the adapter has learned.
        var number = request.Version ?? adapter.HeadVersion;
        if (number == 0) return Refused($"'{adapter.Name}' has learned nothing yet. Send it a task first.");
        if (!await database.Versions.AnyAsync(row => row.AdapterId == adapter.Id && row.Number == number, cancellationToken))
            return Problem.NotFound($"Version {number} of '{adapter.Name}'", $"GET /adapters/{adapter.Id}/versions lists what there is.");
        var lineage = await Lineage.ToAsync(database, adapter.Id, number, cancellationToken);
        if (lineage.FirstOrDefault(version => version.Unlearned == UnlearnMode.Approximate) is { } approximate)
        {
            return Refused($"Version {approximate.Number} was not trained: a pair was taken out of another version's state (unlearned: approximate). Replay a version without it in its lineage; "
                + "mode exact of unlearn makes versions that can be replayed.");
        }

        var tasks = await rows.TasksAsync(lineage, cancellationToken);
        if (tasks.Count == 0) return Refused($"Version {number} of '{adapter.Name}' was imported, and nothing was trained here that could be trained once more. Send a task first.");
        if (catalog.BaseOf(adapter).Failed(out var otherBase, out _)) return otherBase;
        if (await rows.MissingAsync(tasks, [], cancellationToken) is { } missing) return missing;

        // Step 3: queue.
        var task = queue.TaskOf(caller, adapter, tasks[^1], LearningTaskKind.Replay);
        var replay = new Replay { Id = Ids.New("replay"), AdapterId = adapter.Id, TaskId = task.Id, VersionNumber = number, Tolerance = request.Tolerance ?? UsualTolerance };
        return await queue.SendAsync(caller, adapter, head: null, task, "replay", replay.Id, replay, cancellationToken) is { } refused ? refused : replay;
    }

    private static Problem Refused(string detail) => new(ProblemTypes.WrongState, detail);
}
