using System.Diagnostics;
using System.Text.Json.Nodes;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Lora;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Worker.Tests;

/// <summary>The whole recipe with real training processes: what must hold wherever rows and objects are kept.</summary>
public abstract class TrainingJobTests : IAsyncLifetime
{
    private static readonly Hyperparameters Short = new() { Epochs = 2, BatchSize = 4 };
    private static readonly Hyperparameters Medium = new() { Epochs = 200, BatchSize = 4 };
    private static readonly Hyperparameters Endless = new() { Epochs = 1000, BatchSize = 1 };

    private readonly TestService _service;

    protected TrainingJobTests(bool shared) => _service = new TestService(shared);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _service.PrepareAsync();
        await _service.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes an object unreadable behind the store's back.</summary>
    protected abstract Task DamageAsync(IObjectStore store, string sha256);

    [Fact]
    public async Task Run_TwoTasksInARow_PublishTwoVersionsWithTheirMatrix()
    {
        var adapterId = await _service.AddAdapterAsync();
        var first = await _service.AddTaskAsync(adapterId, "red", Short);
        var second = await _service.AddTaskAsync(adapterId, "blue", Short);

        Assert.Equal(1, Succeeded(await _service.WaitForEndAsync(first)).VersionNumber);
        Assert.Equal(2, Succeeded(await _service.WaitForEndAsync(second)).VersionNumber);

        await using var database = _service.Open();
        var versions = await database.Versions.OrderBy(row => row.Number).ToListAsync(Token);
        Assert.Equal([(1, null, 1, 1.0, first), (2, 1, 2, 1 / Math.Sqrt(2), second)], versions.Select(row => (row.Number, row.Parent, row.TaskIndex, row.Lambda, row.TaskId)));
        Assert.Equal(versions[0].StateBytes, versions[1].StateBytes);
        Assert.Equal(versions[0].SizeBytes, versions[1].SizeBytes);
        Assert.Null(versions[0].BackwardTransfer);
        Assert.NotNull(versions[1].BackwardTransfer);

        var cells = await database.MatrixCells.OrderBy(row => row.VersionNumber).ThenBy(row => row.TaskId).ToListAsync(Token);
        Assert.Equal([(0, first), (0, second), (1, first), (1, second), (2, first), (2, second)], cells.Select(row => (row.VersionNumber, row.TaskId)));
        Assert.All(cells, cell => Assert.Equal(("loss", 3), (cell.Metric, cell.Count)));
        // A loss that grows was forgotten; where no earlier version was scored there is nothing to compare with.
        Assert.All(cells[..4], cell => Assert.Null(cell.Forgetting));
        Assert.Equal(cells[4].Score - cells[2].Score, cells[4].Forgetting!.Value, 12);
        Assert.Equal(cells[5].Score - cells[3].Score, cells[5].Forgetting!.Value, 12);
        Assert.Equal(versions[1].Forgetting!.Value, cells[4].Forgetting!.Value, 12);
        Assert.Equal(-(cells[4].Score + cells[5].Score) / 2, versions[1].AverageAccuracy!.Value, 12);

        // The lease goes, and the run's folder with it, just after the task's end.
        await _service.WaitForFreeAsync(adapterId);
        var adapter = await database.Adapters.SingleAsync(Token);
        Assert.Equal((2, 2), (adapter.HeadVersion, adapter.TaskCount));
        var live = await database.Aliases.SingleAsync(Token);
        Assert.Equal((AdapterAlias.Live, 2), (live.Name, live.VersionNumber));

        var store = _service.Services.GetRequiredService<IObjectStore>();
        Assert.NotNull(await store.StatAsync(versions[1].Sha256, Token));
        Assert.NotNull(await store.StatAsync(versions[1].StateSha256, Token));
        Assert.Empty(Directory.EnumerateDirectories(_service.Data.Runs));
        Assert.Equal(4, await database.StepMetrics.CountAsync(row => row.TaskId == first, Token));
    }

    [Fact]
    public async Task Run_AfterGoingBackToAVersion_GoesOnFromItsStateBesideWhatCameAfter()
    {
        var adapterId = await _service.AddAdapterAsync();
        var first = await _service.AddTaskAsync(adapterId, "red", Short);
        var second = await _service.AddTaskAsync(adapterId, "blue", Short);
        Succeeded(await _service.WaitForEndAsync(first));
        Succeeded(await _service.WaitForEndAsync(second));
        await _service.WaitForFreeAsync(adapterId);
        await using (var database = _service.Open())
            await database.Adapters.ExecuteUpdateAsync(row => row.SetProperty(adapter => adapter.HeadVersion, 1).SetProperty(adapter => adapter.TaskCount, 1), Token);

        var third = await _service.AddTaskAsync(adapterId, "blue", Short);
        Assert.Equal(3, Succeeded(await _service.WaitForEndAsync(third)).VersionNumber);

        await using var after = _service.Open();
        var versions = await after.Versions.OrderBy(row => row.Number).ToListAsync(Token);
        Assert.Equal((1, 2, 1 / Math.Sqrt(2)), (versions[2].Parent, versions[2].TaskIndex, versions[2].Lambda));
        // The same rows from the same state, as the second task had them: the same bytes, beside it in the tree.
        Assert.Equal((versions[1].Sha256, versions[1].StateSha256), (versions[2].Sha256, versions[2].StateSha256));
        Assert.Equal([first, third], await after.MatrixCells.Where(row => row.VersionNumber == 3).Select(row => row.TaskId).OrderBy(id => id).ToListAsync(Token));
        var adapter = await after.Adapters.SingleAsync(Token);
        Assert.Equal((3, 2), (adapter.HeadVersion, adapter.TaskCount));
    }

    [Theory]
    [InlineData("o-lora", "{}", 8)] // serves both tasks' pairs side by side
    [InlineData("c-lora", "{\"train\": \"routing\"}", 4)]
    public async Task Run_TwoTasksOfAnotherMethod_PublishWhatItServes(string method, string options, int rank)
    {
        var adapterId = await _service.AddAdapterAsync(method, options);
        var first = await _service.AddTaskAsync(adapterId, "red", Short);
        var second = await _service.AddTaskAsync(adapterId, "blue", Short);

        Succeeded(await _service.WaitForEndAsync(first));
        Succeeded(await _service.WaitForEndAsync(second));

        await using var database = _service.Open();
        var versions = await database.Versions.OrderBy(row => row.Number).ToListAsync(Token);
        Assert.Equal([(1, 1.0), (2, 1.0)], versions.Select(row => (row.TaskIndex, row.Lambda)));
        Assert.Equal(rank == 4, versions[0].StateBytes == versions[1].StateBytes);
        Assert.Equal(rank == 4, versions[0].SizeBytes == versions[1].SizeBytes);
        using var weights = await OpenAsync(versions[1].Sha256);
        Assert.All(weights.Names.Where(name => name.Contains("lora_A", StringComparison.Ordinal)), name => Assert.Equal(rank, weights.Shape(name)[0]));
        using var state = await OpenAsync(versions[1].StateSha256);
        Assert.Equal((method, "2", options == "{}" ? null : options.Replace(" ", "", StringComparison.Ordinal)), (state.Metadata["method"], state.Metadata["i"], state.Metadata.GetValueOrDefault("method_options")));

        async Task<SafetensorsFile> OpenAsync(string sha256)
        {
            var path = Path.Combine(_service.Data.Root, $"{sha256}.safetensors");
            await using (var source = await _service.Services.GetRequiredService<IObjectStore>().OpenReadAsync(sha256, Token))
            await using (var copy = File.Create(path)) await source.CopyToAsync(copy, Token);
            return SafetensorsFile.Open(path);
        }
    }

    [Fact]
    public async Task Preview_OfTheLastTask_MeasuresWhatItsRunMeasuredAndTrainsNothing()
    {
        var adapterId = await _service.AddAdapterAsync();
        foreach (var word in new[] { "red", "blue" }) Succeeded(await _service.WaitForEndAsync(await _service.AddTaskAsync(adapterId, word, Short)));
        await using var database = _service.Open();
        var (steps, version) = (await database.StepMetrics.CountAsync(Token), await database.Versions.SingleAsync(row => row.Number == 2, Token));
        // One was measured before: it stands as it is.
        var known = new PreviewPoint(0.25, "known", "known", [new PreviewScore(version.TaskId!, 77, 3, 76, 78, "loss")]);

        var taskId = await _service.AddPreviewAsync(adapterId, [0, 0.25, version.Lambda, 1], [known]);

        var task = Succeeded(await _service.WaitForEndAsync(taskId));
        Assert.Equal((100.0, 1, null), (task.Percent, task.Attempt, task.VersionNumber));
        var points = PreviewPoint.Read((await database.MergePreviews.SingleAsync(Token)).PointsJson);
        Assert.Equal([0, 0.25, version.Lambda, 1], points.Select(point => point.Lambda));
        Assert.Equal(77, Assert.Single(points[1].Scores).Score);
        // Bytes and scores of the method's own lambda are those of the run, to the last bit.
        Assert.Equal((version.Sha256, version.StateSha256), (points[2].Sha256, points[2].StateSha256));
        var cells = await database.MatrixCells.Where(row => row.VersionNumber == 2).OrderBy(row => row.TaskId).ToListAsync(Token);
        Assert.Equal(cells.Select(PreviewScore.Of), points[2].Scores);
        Assert.Equal(3, points.Where(point => point.Lambda != 0.25).Select(point => (point.Sha256, point.Scores[0].Score)).Distinct().Count());
        // No step, no version, no checkpoint; the head serves on.
        Assert.Equal(steps, await database.StepMetrics.CountAsync(Token));
        Assert.Equal((2, 0), (await database.Versions.CountAsync(Token), await database.Checkpoints.CountAsync(Token)));
        Assert.Equal(2, (await database.Adapters.AsNoTracking().SingleAsync(Token)).HeadVersion);
        var events = (await _service.EventsAsync(taskId)).Where(line => !line.Contains(" progress ", StringComparison.Ordinal)).Select(line => line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
        Assert.Equal(["queued {}", """started {"attempt":1}""", """phase {"phase":"preparing"}""", """phase {"phase":"evaluating"}""", "succeeded {}"], events);
    }

    [Fact]
    public async Task Preview_KilledInTheMiddle_IsTakenUpAgainWithWhatItHad()
    {
        var adapterId = await _service.AddAdapterAsync();
        foreach (var word in new[] { "red", "blue" }) Succeeded(await _service.WaitForEndAsync(await _service.AddTaskAsync(adapterId, word, Short)));
        double[] lambdas = [.. Enumerable.Range(0, 400).Select(step => step / 400.0)];

        var taskId = await _service.AddPreviewAsync(adapterId, lambdas, []);
        await _service.WaitAsync(taskId, task => task.Percent > 5);
        Kill(TestService.ProcessOf(taskId)!.Value);

        // Whoever gets on is not in a circle of deaths.
        var task = Succeeded(await _service.WaitForEndAsync(taskId));
        Assert.Equal((2, 1), (task.Attempt, task.DeadRuns + 1));
        await using var database = _service.Open();
        var points = PreviewPoint.Read((await database.MergePreviews.SingleAsync(Token)).PointsJson);
        Assert.Equal(lambdas, points.Select(point => point.Lambda));
        Assert.All(points, point => Assert.Equal(2, point.Scores.Count));
        Assert.Equal(2, (await database.Adapters.SingleAsync(Token)).HeadVersion);
    }

    [Fact]
    public async Task Run_Succeeding_TellsItsStoryInNumberedEvents()
    {
        var taskId = await _service.AddTaskAsync(await _service.AddAdapterAsync(), "red", Short);

        var task = Succeeded(await _service.WaitForEndAsync(taskId));

        Assert.Equal((100.0, 4, 4, 1, null), (task.Percent, task.Step, task.TotalSteps, task.Attempt, task.Phase));
        Assert.NotNull(task.FinishedAt);
        var events = (await _service.EventsAsync(taskId)).Select(line => line.Split(' ')).ToList();
        Assert.Equal(Enumerable.Range(1, events.Count).Select(number => number.ToString(System.Globalization.CultureInfo.InvariantCulture)), events.Select(each => each[0]));
        Assert.Equal(
            ["queued", "started", "phase", "phase", "phase", "phase", "phase", "evaluated", "published", "succeeded"],
            events.Select(each => each[1]).Where(type => type is not (TaskEventTypes.Progress or TaskEventTypes.Checkpoint)));
        Assert.Contains(events, each => each[1] == TaskEventTypes.Progress);
        // Written after training, so that a run that dies while it is scored need not train again.
        Assert.Contains(events, each => each[1] == TaskEventTypes.Checkpoint);
        await using var database = _service.Open();
        Assert.Equal(0, await database.Checkpoints.CountAsync(Token));
        // The version was served by a server's engine before it could be published.
        var published = await database.TaskEvents.SingleAsync(row => row.TaskId == taskId && row.Type == TaskEventTypes.Published, Token);
        var serving = JsonNode.Parse(published.DataJson)!["serving"]!;
        Assert.True((int)serving["tokens"]! > 10, published.DataJson);
        Assert.InRange((double)serving["difference"]!, 0, (double)serving["tolerance"]!);
    }

    [Fact]
    public async Task Run_KilledInTheMiddle_CostsOneAttemptAndEndsInTheSameBytes()
    {
        var undisturbed = await _service.AddTaskAsync(await _service.AddAdapterAsync(), "red", Medium);
        Succeeded(await _service.WaitForEndAsync(undisturbed));
        var killed = await _service.AddTaskAsync(await _service.AddAdapterAsync(), "red", Medium);

        Kill(await _service.TrainingProcessAsync(killed, attempt: 1));

        Assert.Equal(2, Succeeded(await _service.WaitForEndAsync(killed)).Attempt);
        Assert.Contains(await _service.EventsAsync(killed), line => line.Contains("attempt_failed", StringComparison.Ordinal) && line.Contains("137", StringComparison.Ordinal));
        await using var database = _service.Open();
        var versions = await database.Versions.ToDictionaryAsync(row => row.TaskId!, Token);
        Assert.Equal((versions[undisturbed].Sha256, versions[undisturbed].StateSha256), (versions[killed].Sha256, versions[killed].StateSha256));
    }

    [Fact]
    public async Task Run_KilledInEveryAttempt_FailsWithThatReasonAndLeavesTheAdapter()
    {
        var adapterId = await _service.AddAdapterAsync();
        var taskId = await _service.AddTaskAsync(adapterId, "red", Endless);

        for (var attempt = 1; attempt <= 3; attempt++) Kill(await _service.TrainingProcessAsync(taskId, attempt));

        var task = await _service.WaitForEndAsync(taskId);
        Assert.Equal((LearningTaskStatus.Failed, TaskFailureCode.WorkerDied, false, 3), (task.Status, task.FailureCode, task.FailureIsUserError, task.Attempt));
        Assert.Contains("137", task.FailureMessage, StringComparison.Ordinal);
        await using var database = _service.Open();
        Assert.Equal(0, (await database.Adapters.SingleAsync(Token)).HeadVersion);
        Assert.Equal(0, await database.Versions.CountAsync(Token));
    }

    [Fact]
    public async Task Run_Cancelled_EndsItsProcessAndPublishesNothing()
    {
        var adapterId = await _service.AddAdapterAsync();
        var taskId = await _service.AddTaskAsync(adapterId, "red", Endless);
        var process = await _service.TrainingProcessAsync(taskId, attempt: 1);

        await using (var database = _service.Open())
            await database.Tasks.Where(row => row.Id == taskId).ExecuteUpdateAsync(set => set.SetProperty(row => row.CancelRequested, true), Token);

        Assert.Equal(LearningTaskStatus.Cancelled, (await _service.WaitForEndAsync(taskId)).Status);
        Assert.False(Directory.Exists($"/proc/{process}"));
        await using var after = _service.Open();
        Assert.Equal(0, await after.Versions.CountAsync(Token));
        // The adapter is free for its next task at once, which is again its first.
        var next = await _service.AddTaskAsync(adapterId, "blue", Short);
        Succeeded(await _service.WaitForEndAsync(next));
        Assert.Equal(1, (await after.Versions.SingleAsync(Token)).TaskIndex);
    }

    [Fact]
    public async Task HostStopping_InTheMiddle_PutsTheTaskBackAndCountsNoDeath()
    {
        var taskId = await _service.AddTaskAsync(await _service.AddAdapterAsync(), "red", Medium);
        var process = await _service.TrainingProcessAsync(taskId, attempt: 1);

        await _service.StopAsync();

        Assert.False(Directory.Exists($"/proc/{process}"));
        var waiting = await _service.TaskAsync(taskId);
        Assert.Equal((LearningTaskStatus.Queued, 0), (waiting.Status, waiting.DeadRuns));
        await _service.StartAsync();
        Assert.Equal(2, Succeeded(await _service.WaitForEndAsync(taskId)).Attempt);
    }

    [Fact]
    public async Task Run_RowOverTheContext_FailsAtOnceAsTheOwnersError()
    {
        var taskId = await _service.AddTaskAsync(await _service.AddAdapterAsync(), string.Join(' ', Enumerable.Repeat("long", 400)), Short);

        var task = await _service.WaitForEndAsync(taskId);

        Assert.Equal((LearningTaskStatus.Failed, TaskFailureCode.InvalidDataset, true, 1), (task.Status, task.FailureCode, task.FailureIsUserError, task.Attempt));
    }

    [Fact]
    public async Task Run_DamagedDataset_FailsWithItsHash()
    {
        var adapterId = await _service.AddAdapterAsync();
        await _service.StopAsync();
        var taskId = await _service.AddTaskAsync(adapterId, "red", Short, enqueue: false);
        string sha256;
        await using (var database = _service.Open())
        {
            var datasetId = (await _service.TaskAsync(taskId)).TrainDatasetId;
            sha256 = (await database.Datasets.SingleAsync(row => row.Id == datasetId, Token)).Sha256;
        }

        await DamageAsync(_service.Services.GetRequiredService<IObjectStore>(), sha256);
        await _service.StartAsync();

        var task = await _service.WaitForEndAsync(taskId);
        Assert.Equal((LearningTaskStatus.Failed, TaskFailureCode.ObjectDamaged, false), (task.Status, task.FailureCode, task.FailureIsUserError));
        Assert.Contains(sha256, task.FailureMessage, StringComparison.Ordinal);
    }

    private static LearningTask Succeeded(LearningTask task)
    {
        Assert.True(task.Status == LearningTaskStatus.Succeeded, $"{task.Status}: {task.FailureMessage}");
        return task;
    }

    private static void Kill(int processId)
    {
        using var process = Process.GetProcessById(processId);
        process.Kill();
    }
}
