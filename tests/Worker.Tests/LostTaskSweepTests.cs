using ContinualService.Domain.Tasks;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Worker.Tests;

public sealed class LostTaskSweepTests : IAsyncLifetime
{
    private readonly TestService _service = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _service.PrepareAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Theory]
    [InlineData(1, false, LearningTaskStatus.Queued)]
    [InlineData(3, false, LearningTaskStatus.Failed)]
    [InlineData(1, true, LearningTaskStatus.Cancelled)]
    public async Task Sweep_RunningTaskOfADeadProcess_GoesByItsAttemptsAndItsOwnersWish(int attempt, bool cancelRequested, LearningTaskStatus expected)
    {
        var adapterId = await _service.AddAdapterAsync();
        var taskId = await _service.AddTaskAsync(adapterId, "red", new Hyperparameters(), enqueue: false);
        await using (var database = _service.Open())
        {
            var task = await database.Tasks.SingleAsync(Token);
            (task.Status, task.Attempt, task.CancelRequested) = (LearningTaskStatus.Running, attempt, cancelRequested);
            var adapter = await database.Adapters.SingleAsync(Token);
            (adapter.LeaseOwner, adapter.LeaseFence, adapter.LeaseExpiresAt) = ("run_dead", 5, TimeProvider.System.GetUtcNow().AddHours(1));
            await database.SaveChangesAsync(Token);
        }

        var leftover = Directory.CreateDirectory(Path.Combine(_service.Data.Runs, "task_dead-1"));
        await _service.Services.GetRequiredService<LostTaskSweep>().SweepAsync(Token);

        var swept = await _service.TaskAsync(taskId);
        Assert.Equal((expected, attempt), (swept.Status, swept.Attempt));
        Assert.Equal(expected == LearningTaskStatus.Failed ? TaskFailureCode.WorkerDied : null, swept.FailureCode);
        await using var after = _service.Open();
        var free = await after.Adapters.SingleAsync(Token);
        Assert.Equal((null, 5L), (free.LeaseOwner, free.LeaseFence));
        Assert.False(leftover.Exists && Directory.Exists(leftover.FullName));
    }

    [Fact]
    public async Task SecondService_OnTheSameFolder_IsRefused()
    {
        var (data, time) = (_service.Data, TimeProvider.System);
        using var first = new DataFolderOwnership(data, time);
        await first.StartingAsync(Token);
        using var second = new DataFolderOwnership(data, time);

        var error = await Assert.ThrowsAsync<IOException>(() => second.StartingAsync(Token));

        Assert.Contains("Data:Root", error.Message, StringComparison.Ordinal);
        first.Dispose();
        await second.StartingAsync(Token);
    }
}
