using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Queue;
using ContinualService.Worker.Runs;
using ContinualService.Worker.Scheduling;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Worker.Tests.Scheduling;

public sealed class LostTaskSweepTests : IAsyncLifetime
{
    private readonly TestService _service = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _service.PrepareAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Theory]
    [InlineData(0, false, LearningTaskStatus.Queued)]
    [InlineData(2, false, LearningTaskStatus.Failed)]
    [InlineData(0, true, LearningTaskStatus.Cancelled)]
    public async Task SweepOwn_TaskOfThisWorkersLastLife_GoesByItsDeadRunsAndItsOwnersWish(int deadRuns, bool cancelRequested, LearningTaskStatus expected)
    {
        var (taskId, identity) = (await RunningTaskAsync(deadRuns, cancelRequested), _service.Services.GetRequiredService<WorkerIdentity>());
        await identity.StartingAsync(Token);
        await LeaseAsync(AdapterLease.OwnerOf(identity.Id, "run_dead"), TimeSpan.FromHours(1));
        var leftover = Directory.CreateDirectory(Path.Combine(_service.Data.Runs, "task_dead-1"));

        await _service.Services.GetRequiredService<LostTaskSweep>().SweepOwnAsync(Token);

        var swept = await _service.TaskAsync(taskId);
        Assert.Equal((expected, deadRuns + 1), (swept.Status, swept.DeadRuns));
        Assert.Equal(expected == LearningTaskStatus.Failed ? TaskFailureCode.WorkerDied : null, swept.FailureCode);
        await using var after = _service.Open();
        Assert.Equal((null, 6L), await after.Adapters.Select(row => new ValueTuple<string?, long>(row.LeaseOwner, row.LeaseFence)).SingleAsync(Token));
        Assert.False(Directory.Exists(leftover.FullName));
    }

    [Theory]
    [InlineData(-1, LearningTaskStatus.Queued)]
    [InlineData(3600, LearningTaskStatus.Running)]
    public async Task Sweep_TaskOfAnotherWorker_WaitsForTheEndOfItsLease(int leaseSeconds, LearningTaskStatus expected)
    {
        var taskId = await RunningTaskAsync(deadRuns: 0, cancelRequested: false);
        await LeaseAsync("wrk_other/run_dead", TimeSpan.FromSeconds(leaseSeconds));

        await _service.Services.GetRequiredService<LostTaskSweep>().SweepAsync(Token);

        Assert.Equal(expected, (await _service.TaskAsync(taskId)).Status);
    }

    [Fact]
    public async Task Sweep_TaskWithoutAMessage_SendsOneAndNoSecond()
    {
        await _service.AddTaskAsync(await _service.AddAdapterAsync(), "red", new Hyperparameters(), enqueue: false);
        var (sweep, queue) = (_service.Services.GetRequiredService<LostTaskSweep>(), _service.Services.GetRequiredService<ITaskQueue>());

        await sweep.SweepAsync(Token);
        await sweep.SweepAsync(Token);

        Assert.Equal(1, queue.CountWaiting());
    }

    [Fact]
    public async Task SecondService_OnTheSameFolder_IsRefused()
    {
        var (data, time) = (_service.Data, TimeProvider.System);
        using var first = new WorkerIdentity(data, time);
        await first.StartingAsync(Token);
        using var second = new WorkerIdentity(data, time);

        var error = await Assert.ThrowsAsync<IOException>(() => second.StartingAsync(Token));

        Assert.Contains("Data:Root", error.Message, StringComparison.Ordinal);
        first.Dispose();
        await second.StartingAsync(Token);
    }

    private async Task<string> RunningTaskAsync(int deadRuns, bool cancelRequested)
    {
        var taskId = await _service.AddTaskAsync(await _service.AddAdapterAsync(), "red", new Hyperparameters(), enqueue: false);
        await using var database = _service.Open();
        var task = await database.Tasks.SingleAsync(Token);
        (task.Status, task.Attempt, task.DeadRuns, task.CancelRequested) = (LearningTaskStatus.Running, deadRuns + 1, deadRuns, cancelRequested);
        await database.SaveChangesAsync(Token);
        return taskId;
    }

    private async Task LeaseAsync(string owner, TimeSpan left)
    {
        await using var database = _service.Open();
        var adapter = await database.Adapters.SingleAsync(Token);
        (adapter.LeaseOwner, adapter.LeaseFence, adapter.LeaseExpiresAt) = (owner, 5, TimeProvider.System.GetUtcNow() + left);
        await database.SaveChangesAsync(Token);
    }
}
