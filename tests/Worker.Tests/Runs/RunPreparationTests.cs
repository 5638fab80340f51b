using System.Text;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Drift;
using ContinualService.Domain.Gates;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Unlearnings;
using ContinualService.Engine.Inference;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using ContinualService.Worker.Child;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace ContinualService.Worker.Tests.Runs;

/// <summary>What a run that makes a lineage once more is told to do. The versions are rows; no process starts.</summary>
public sealed class RunPreparationTests : IAsyncLifetime
{
    private const string Chosen = "0.1..0.9";

    private readonly TestService _service = new();
    private string _adapterId = "";
    private readonly List<string> _tasks = [];
    private readonly List<string> _states = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private TrainingSettings Settings => _service.Services.GetRequiredService<IOptions<TrainingSettings>>().Value;

    public async ValueTask InitializeAsync()
    {
        await _service.PrepareAsync();
        await LearnAsync();
    }

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task Prepare_Replay_StartsAfterWhatWasIdenticalBefore()
    {
        var here = new TrainingEnvironment("", "", "cpu", "", 1, "float32");
        var moved = new TensorDifference("layer", "a_ft", 1e-3, 1e-3);
        var found = ReplayedVersion.Append([], [ReplayedVersion.Of(1, _tasks[0], "", "", here, [], 0.01), ReplayedVersion.Of(2, _tasks[1], "", "", here, [moved], 0.01)]);

        var (first, again) = (await PrepareReplayAsync("[]"), await PrepareReplayAsync(found));

        Assert.Null(first.PreviousState);
        Assert.Equal([1, 2, 3], first.Replay!.Parts.Select(part => part.Number));
        Assert.Equal(_states[0], again.PreviousState!.Sha256);
        Assert.Equal([(2, _tasks[1], _states[1], MergeSchedule.Of(1 / Math.Sqrt(2)).Text), (3, _tasks[2], _states[2], Chosen)], again.Replay!.Parts.Select(part => (part.Number, part.TaskId, part.State!.Sha256, part.Merge)));
        Assert.Equal((0.01, 0, 0), (again.Replay.Tolerance, again.Evaluations.Count, again.CheckpointSeconds));
        Assert.All(again.Replay.Parts, part => Assert.Equal((7, 0), (part.Hyperparameters.Epochs, part.Evaluations.Count)));
    }

    [Fact]
    public async Task Prepare_Unlearning_LearnsWhatCameAfterWithoutTheTask()
    {
        var second = await PrepareUnlearningAsync(_tasks[1]);
        Assert.Equal((_states[0], false, null), (second.PreviousState!.Sha256, second.ScoresBase, second.Replay!.Tolerance));
        var part = Assert.Single(second.Replay.Parts);
        // Its schedule was chosen by somebody, and stays.
        Assert.Equal((_tasks[2], Chosen, null, null), (part.TaskId, part.Merge, part.State, part.Without));
        Assert.Equal([_tasks[0], _tasks[2]], part.Evaluations.Select(evaluation => evaluation.TaskId));

        // The second task becomes the first, which has no weight; the method's own weight is that of the new place.
        var first = await PrepareUnlearningAsync(_tasks[0]);
        Assert.Null(first.PreviousState);
        Assert.Equal([(_tasks[1], null), (_tasks[2], Chosen)], first.Replay!.Parts.Select(each => (each.TaskId, each.Merge)));
        Assert.Equal([1, 2], first.Replay.Parts.Select(each => each.Evaluations.Count));

        var approximate = await PrepareUnlearningAsync(_tasks[0], UnlearnMode.Approximate);
        Assert.Equal([(_tasks[1], _states[1], 1), (_tasks[2], _states[2], 1)], approximate.Replay!.Parts.Select(each => (each.TaskId, each.State!.Sha256, each.Without!.Value)));
    }

    // A version is made again as its steps were cut; and a task that ran out of memory goes on with what it came down to, in another attempt too.
    [Fact]
    public async Task Prepare_MemoryRanShortBefore_TakesNoMoreThanThen()
    {
        await using (var database = _service.Open())
        {
            await database.AppendEventAsync(_tasks[0], TaskEventTypes.OutOfMemory, OutOfMemoryEvent.Of(new MicroBatching(5, 4, false), nextAttempt: false), DateTimeOffset.UnixEpoch, Token);
            await database.SaveChangesAsync(Token);
            await database.AppendEventAsync(_tasks[0], TaskEventTypes.OutOfMemory, OutOfMemoryEvent.Of(new MicroBatching(9, 2, true), nextAttempt: true), DateTimeOffset.UnixEpoch, Token);
            await database.SaveChangesAsync(Token);
            await database.AppendEventAsync(_tasks[0], TaskEventTypes.OutOfMemory, OutOfMemoryEvent.Of(new ScoringSize(2048), stepsMade: 9, nextAttempt: false), DateTimeOffset.UnixEpoch, Token);
            await database.SaveChangesAsync(Token);
            var environment = new TrainingEnvironment("", "", "cpu", "", 1, "bfloat16", "8; 3:4", "int8");
            await database.Versions.Where(row => row.Number == 2).ExecuteUpdateAsync(set => set.SetProperty(row => row.EnvironmentJson, environment.Write()), Token);
        }

        var plan = await _service.Services.GetRequiredService<RunPreparation>().PrepareAsync(await _service.TaskAsync(_tasks[0]), Token);
        Assert.Equal(("2+recompute", 2048), (RunJson.Read<RunSpec>(plan.SpecPath).MicroBatches, RunJson.Read<RunSpec>(plan.SpecPath).ScoredTokens));
        var replayed = await PrepareReplayAsync("[]");
        Assert.Null(replayed.MicroBatches);
        Assert.Equal([null, "8; 3:4", null], replayed.Replay!.Parts.Select(part => part.MicroBatches));
        Assert.Equal(("float32", "bfloat16"), (replayed.Precision, replayed.Replay.Parts[1].Precision));
        Assert.Equal(["full", "int8", "full"], replayed.Replay.Parts.Select(part => part.Base));

        // What the service holds a base as now is for new tasks; that it does not fit on the device is true of old ones too.
        (Settings.Base, Settings.Offload) = ("int4", true);
        Assert.Equal(["full+offload", "int8+offload", "full+offload"], (await PrepareReplayAsync("[]")).Replay!.Parts.Select(part => part.Base));
        Assert.Equal("int4+offload", (await PrepareAsync(_tasks[0])).Base);
    }

    [Fact]
    public async Task Prepare_WithAGate_ComparesEachEarlierTaskWithTheNewestOfItsBestVersions()
    {
        var gate = new GatePolicy { LargestForgetting = 0.1 };
        await using (var database = _service.Open())
        {
            (await database.Adapters.SingleAsync(Token)).GateJson = gate.Write();
            foreach (var (version, task, score) in new[] { (1, 0, 0.9), (2, 0, 0.9), (3, 0, 0.2), (2, 1, 0.4), (3, 1, 0.6), (3, 2, 0.5) })
                database.Add(new AdapterMatrixCell { AdapterId = _adapterId, VersionNumber = version, TaskId = _tasks[task], Score = score, Count = 10, Low = 0, High = 1, Metric = "exact_match" });
            await database.SaveChangesAsync(Token);
        }

        var next = await PrepareAsync(await _service.AddTaskAsync(_adapterId, "white", new Hyperparameters(), enqueue: false));
        Assert.Equal((gate, 3), (next.Gate!.Policy, next.Gate.Parent));
        Assert.Equal(_tasks, next.Gate.Earlier);
        Assert.Equal([2, 3, 3, null], next.Evaluations.Select(each => each.Reference?.Version));
        Assert.Equal([_states[1], _states[2], _states[2], null], next.Evaluations.Select(each => each.Reference?.Weights.Sha256));

        // A preview of version 3 makes that version anew: what it scored is no earlier score.
        var preview = await PrepareAsync(await _service.AddPreviewAsync(_adapterId, [0.5], []));
        Assert.Equal((gate, 2), (preview.Gate!.Policy, preview.Gate.Parent));
        Assert.Equal(_tasks[..2], preview.Gate.Earlier);
        Assert.Equal([2, 2, null], preview.Evaluations.Select(each => each.Reference?.Version));
    }

    [Fact]
    public async Task Prepare_WithAScoringShare_TakesSoManyRowsOfEachEarlierTask()
    {
        Assert.Equal(1, Settings.ScoringShare);
        await HoldOutAsync(20);

        // Eight rows, three epochs or three steps of four: 24 and 12 row passes, each worth two rows scored.
        Settings.ScoringShare = 0.5;
        Assert.Equal([8, 8, 8, null], MostRows(await PrepareNextAsync(new Hyperparameters())));
        Assert.Equal([4, 4, 4, null], MostRows(await PrepareNextAsync(new Hyperparameters { BatchSize = 4, MaxSteps = 3 })));
        // What is learned once more, over seven epochs, is a training of its own.
        Settings.ScoringShare = 0.1;
        Assert.Equal([[null], [11, null]], (await PrepareUnlearningAsync(_tasks[0])).Replay!.Parts.Select(part => part.Evaluations.Select(each => each.MostRows)));
        Settings.ScoringShare = 0;
        Assert.Equal([null, null, null, null], MostRows(await PrepareNextAsync(new Hyperparameters())));
    }

    [Fact]
    public async Task Prepare_WithAScoringShareAndAGate_CountsReferencesAndLeavesItRowsToDecideBy()
    {
        await HoldOutAsync(20);
        Settings.ScoringShare = 0.5;
        await using var database = _service.Open();
        var adapter = await database.Adapters.SingleAsync(Token);
        for (var task = 0; task < 3; task++)
            database.Add(new AdapterMatrixCell { AdapterId = _adapterId, VersionNumber = 3, TaskId = _tasks[task], Score = 0.5, Count = 5 + task, Low = 0, High = 1, Metric = "exact_match" });

        Assert.Equal([4, 4, 4, null], MostRows(await PrepareGatedAsync(leastRows: 3)));
        Assert.Equal([7, 7, 7, null], MostRows(await PrepareGatedAsync(leastRows: 7)));
        Assert.Equal([null, null, null, null], MostRows(await PrepareGatedAsync(leastRows: 20)));

        // A preview takes the rows that the version took whose merge it varies, or what the gate needs by now.
        var preview = await _service.AddPreviewAsync(_adapterId, [0.5], []);
        Assert.Equal([20, 20, 20], MostRows(await PrepareAsync(preview)));
        adapter.GateJson = null;
        await database.SaveChangesAsync(Token);
        Assert.Equal([5, 6, 7], MostRows(await PrepareAsync(preview)));

        async Task<RunSpec> PrepareGatedAsync(int leastRows)
        {
            adapter.GateJson = new GatePolicy { LargestForgetting = 0.1, LeastRows = leastRows }.Write();
            await database.SaveChangesAsync(Token);
            return await PrepareNextAsync(new Hyperparameters());
        }
    }

    [Fact]
    public async Task Prepare_OfAnAdapterWithItsOwnCanaries_TakesThose()
    {
        var usual = await PrepareAsync(await _service.AddTaskAsync(_adapterId, "white", new Hyperparameters(), enqueue: false));
        await using (var database = _service.Open())
        {
            (await database.Adapters.SingleAsync(Token)).DriftJson = new DriftPolicy(new DriftLimits(), ["hello"]).Write();
            await database.SaveChangesAsync(Token);
        }

        var own = await PrepareAsync(await _service.AddTaskAsync(_adapterId, "black", new Hyperparameters(), enqueue: false));

        Assert.NotEmpty(usual.Drift!.CanaryPrompts);
        Assert.DoesNotContain("hello", usual.Drift.CanaryPrompts);
        Assert.Equal(["hello"], own.Drift!.CanaryPrompts);
    }

    [Fact]
    public async Task Prepare_WhatCannotBe_SaysWhy()
    {
        var moved = await Assert.ThrowsAsync<RunFailureException>(() => PrepareUnlearningAsync(_tasks[1], version: 2));
        Assert.Equal((TaskFailureCode.HeadMoved, true), (moved.Code, moved.UserError));
        Assert.Contains("out of version 2, and the head is version 3 by now", moved.Message, StringComparison.Ordinal);

        var datasetId = (await _service.TaskAsync(_tasks[1])).TrainDatasetId;
        await using (var database = _service.Open())
            await _service.Services.GetRequiredService<IObjectStore>().DeleteAsync((await database.Datasets.SingleAsync(row => row.Id == datasetId, Token)).Sha256, Token);
        var missing = await Assert.ThrowsAsync<ObjectDamagedException>(() => PrepareReplayAsync("[]"));
        Assert.Contains($"data set {datasetId}, which task {_tasks[1]} (blue) learned", missing.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<int?> MostRows(RunSpec spec) => spec.Evaluations.Select(each => each.MostRows);

    // Files are not read here.
    private async Task HoldOutAsync(int rows)
    {
        await using var database = _service.Open();
        await database.Datasets.Where(row => row.RowCount == 3).ExecuteUpdateAsync(set => set.SetProperty(row => row.RowCount, rows), Token);
    }

    private async Task<RunSpec> PrepareNextAsync(Hyperparameters settings) => await PrepareAsync(await _service.AddTaskAsync(_adapterId, "white", settings, enqueue: false));

    private Task<RunSpec> PrepareReplayAsync(string found) => PrepareAsync(LearningTaskKind.Replay, taskId => new Replay
    {
        Id = Ids.New("replay"),
        AdapterId = _adapterId,
        TaskId = taskId,
        VersionNumber = 3,
        Tolerance = 0.01,
        VersionsJson = found,
    });

    private Task<RunSpec> PrepareUnlearningAsync(string removed, UnlearnMode mode = UnlearnMode.Exact, int version = 3) => PrepareAsync(LearningTaskKind.Unlearning, taskId => new Unlearning
    {
        Id = Ids.New("unlearning"),
        AdapterId = _adapterId,
        TaskId = taskId,
        VersionNumber = version,
        RemovedTaskId = removed,
        Mode = mode,
    });

    private async Task<RunSpec> PrepareAsync(LearningTaskKind kind, Func<string, object> rowOf)
    {
        return await PrepareAsync(await _service.AddSideTaskAsync(_adapterId, kind, (id, _) => rowOf(id)));
    }

    private async Task<RunSpec> PrepareAsync(string taskId)
    {
        var plan = await _service.Services.GetRequiredService<RunPreparation>().PrepareAsync(await _service.TaskAsync(taskId), Token);
        return RunJson.Read<RunSpec>(plan.SpecPath);
    }

    /// <summary>Three tasks and their versions; the third has a schedule that somebody chose, with the method's own weight as its mean.</summary>
    private async Task LearnAsync()
    {
        _adapterId = await _service.AddAdapterAsync();
        foreach (var word in new[] { "red", "blue", "green" })
        {
            _tasks.Add(await _service.AddTaskAsync(_adapterId, word, new Hyperparameters { Epochs = 7 }, enqueue: false));
            _states.Add((await _service.Services.GetRequiredService<IObjectStore>().PutIfAbsentAsync(new MemoryStream(Encoding.UTF8.GetBytes(word)), Token)).Sha256);
        }

        await using var database = _service.Open();
        for (var number = 1; number <= 3; number++)
        {
            database.Add(new AdapterVersion
            {
                Id = $"ver_{number}",
                AdapterId = _adapterId,
                Number = number,
                Sha256 = _states[number - 1],
                StateSha256 = _states[number - 1],
                Parent = number == 1 ? null : number - 1,
                TaskId = _tasks[number - 1],
                TaskIndex = number,
                Lambda = 1 / Math.Sqrt(number),
                Schedule = number == 3 ? Chosen : null,
            });
        }

        (await database.Adapters.SingleAsync(Token)).HeadVersion = 3;
        await database.SaveChangesAsync(Token);
    }
}
