using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ContinualService.Worker.Tests.Runs;

public sealed class AdapterLeaseTests : IAsyncLifetime
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(60);
    private readonly TestService _service = new();
    private readonly FakeTimeProvider _time = new();
    private string _adapterId = "";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _service.PrepareAsync();
        _adapterId = await _service.AddAdapterAsync();
    }

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task Take_ManyAtOnce_OneGetsIt()
    {
        var leases = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => TakeAsync($"run_{i}"), Token)));

        Assert.Single(leases, lease => lease is not null);
    }

    [Fact]
    public async Task Take_AfterItRanOut_GivesAHigherFenceAndLocksTheOldHolderOut()
    {
        var old = (await TakeAsync("run_old"))!;
        Assert.Null(await TakeAsync("run_new"));
        _time.Advance(Duration + TimeSpan.FromSeconds(1));

        var fresh = (await TakeAsync("run_new"))!;

        Assert.Equal(old.Fence + 1, fresh.Fence);
        await using var database = _service.Open();
        Assert.False(await old.RenewAsync(database, Duration, _time.GetUtcNow(), Token));
        Assert.False(await old.IsHeldAsync(database, Token));
        await old.ReleaseAsync(database, Token);
        Assert.True(await fresh.IsHeldAsync(database, Token));
    }

    [Fact]
    public async Task Renew_BeforeItRunsOut_KeepsOthersOut()
    {
        var lease = (await TakeAsync("run_1"))!;
        _time.Advance(TimeSpan.FromSeconds(50));
        await using (var database = _service.Open()) Assert.True(await lease.RenewAsync(database, Duration, _time.GetUtcNow(), Token));
        _time.Advance(TimeSpan.FromSeconds(50));

        Assert.Null(await TakeAsync("run_2"));
    }

    [Fact]
    public async Task Records_OfAHolderThatLostTheLease_ChangeNothing()
    {
        var taskId = await _service.AddTaskAsync(_adapterId, "red", new Hyperparameters(), enqueue: false);
        var old = (await TakeAsync("run_old"))!;
        var records = Records(old, taskId);
        await records.StartAsync("wrk_1", "host:1", "cpu", Token);
        _time.Advance(Duration + TimeSpan.FromSeconds(1));
        await TakeAsync("run_new");

        await Assert.ThrowsAsync<LeaseLostException>(() => records.FailAsync(TaskFailureCode.InternalError, "late", false, Token));

        Assert.Equal(LearningTaskStatus.Running, (await _service.TaskAsync(taskId)).Status);
        Assert.DoesNotContain(await _service.EventsAsync(taskId), line => line.Contains("failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task PutBack_OfARunThatNeverStarted_TakesNoAttemptAway()
    {
        var taskId = await _service.AddTaskAsync(_adapterId, "red", new Hyperparameters(), enqueue: false);

        await Records((await TakeAsync("run_1"))!, taskId).PutBackAsync("early", Token);

        Assert.Equal(0, (await _service.TaskAsync(taskId)).Attempt);
    }

    [Fact]
    public async Task Report_OfARunThatDoesNotTrainYet_KeepsTheStepsThatWereCountedWhenTheTaskWasSent()
    {
        var taskId = await _service.AddTaskAsync(_adapterId, "red", new Hyperparameters(), enqueue: false);
        await using (var database = _service.Open()) await database.Tasks.Where(row => row.Id == taskId).ExecuteUpdateAsync(task => task.SetProperty(row => row.TotalSteps, 400), Token);
        var records = Records((await TakeAsync("run_1"))!, taskId);
        await records.StartAsync("wrk_1", "host:1", "cpu", Token);
        var progress = new RunProgress(evaluates: true);

        progress.Enter(LearningTaskPhase.Preparing, _time.GetUtcNow());
        await records.ReportAsync(progress, [], [], Token);
        Assert.Equal(400, (await _service.TaskAsync(taskId)).TotalSteps);

        progress.Trained(3, 390, _time.GetUtcNow());
        await records.ReportAsync(progress, [], [], Token);
        Assert.Equal((3, 390), ((await _service.TaskAsync(taskId)).Step, (await _service.TaskAsync(taskId)).TotalSteps));
    }

    private async Task<AdapterLease?> TakeAsync(string owner)
    {
        await using var database = _service.Open();
        return await AdapterLease.TryTakeAsync(database, _adapterId, owner, Duration, _time.GetUtcNow(), Token);
    }

    private RunRecords Records(AdapterLease lease, string taskId) =>
        new(_service.Services.GetRequiredService<IDbContextFactory<ServiceDbContext>>(), new EventHub(), _time, new Outage(TimeSpan.Zero, _time, NullLogger.Instance),
            _service.Services.GetRequiredService<RunMetrics>(), lease, "run_1", taskId);
}
