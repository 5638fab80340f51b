using ContinualService.Domain;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Unlearnings;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Worker.Tests;

/// <summary>What the recipe does with tasks that make a lineage once more, with real training processes.</summary>
public sealed class ReplayJobTests : IAsyncLifetime
{
    private readonly TestService _service = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _service.PrepareAsync();
        await _service.StartAsync();
    }

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task Run_OfALineageOnceMore_GoesOnWhereItWasAndOnlyOnTheHeadItWasAskedFor()
    {
        var adapterId = await _service.AddAdapterAsync();
        foreach (var word in new[] { "red", "blue" }) await SucceededAsync(await _service.AddTaskAsync(adapterId, word, new Hyperparameters { Epochs = 2, BatchSize = 4 }));
        await using var database = _service.Open();
        var versions = await database.Versions.AsNoTracking().OrderBy(row => row.Number).ToListAsync(Token);
        var environment = TrainingEnvironment.Read(versions[1].EnvironmentJson)!;
        Assert.Equal(("cpu", 1, "float32"), (environment.Device, environment.Threads, environment.Precision));
        var (steps, cells) = (await database.StepMetrics.CountAsync(Token), await database.MatrixCells.CountAsync(Token));

        // Step 1: a replay whose earlier attempt found the first version the same; that stands as it is.
        var known = ReplayedVersion.Of(1, versions[0].TaskId!, "known", "known", environment, [], 0.01);
        var replayTask = await SucceededAsync(await _service.AddSideTaskAsync(adapterId, LearningTaskKind.Replay, (id, version) => new Replay
        {
            Id = Ids.New("replay"),
            AdapterId = adapterId,
            TaskId = id,
            VersionNumber = version.Number,
            Tolerance = 0.01,
            VersionsJson = ReplayedVersion.Append([], [known]),
        }));
        Assert.Equal((100.0, 1, null), (replayTask.Percent, replayTask.Attempt, replayTask.VersionNumber));
        var replayed = ReplayedVersion.Read((await database.Replays.SingleAsync(Token)).VersionsJson);
        Assert.Equal(["known", versions[1].StateSha256], replayed.Select(version => version.StateSha256));
        Assert.Equal((ReplayVerdict.BitIdentical, versions[1].Sha256), (replayed[1].Verdict, replayed[1].Sha256));
        Assert.Empty(environment.DifferencesTo(replayed[1].Environment));

        // Step 2: it changes no version, scores nothing, and leaves no checkpoint.
        Assert.Equal(
            (steps, cells, 2, 0), (await database.StepMetrics.CountAsync(Token), await database.MatrixCells.CountAsync(Token), await database.Versions.CountAsync(Token), await database.Checkpoints.CountAsync(Token)));
        Assert.DoesNotContain(await _service.EventsAsync(replayTask.Id), line => line.Contains(" published ", StringComparison.Ordinal));

        // Step 3: an unlearning from a head that moved meanwhile.
        var unlearnTask = await _service.WaitForEndAsync(await _service.AddSideTaskAsync(adapterId, LearningTaskKind.Unlearning, (id, version) => new Unlearning
        {
            Id = Ids.New("unlearning"),
            AdapterId = adapterId,
            TaskId = id,
            VersionNumber = 1,
            RemovedTaskId = version.TaskId!,
        }));
        Assert.Equal((LearningTaskStatus.Failed, TaskFailureCode.HeadMoved, true), (unlearnTask.Status, unlearnTask.FailureCode, unlearnTask.FailureIsUserError));
        Assert.Contains("out of version 1, and the head is version 2 by now", unlearnTask.FailureMessage, StringComparison.Ordinal);
        Assert.Equal((2, 2), (await database.Versions.CountAsync(Token), (await database.Adapters.SingleAsync(Token)).HeadVersion));
    }

    private async Task<LearningTask> SucceededAsync(string taskId)
    {
        var task = await _service.WaitForEndAsync(taskId);
        Assert.True(task.Status == LearningTaskStatus.Succeeded, $"{task.Status}: {task.FailureMessage}");
        return task;
    }
}
