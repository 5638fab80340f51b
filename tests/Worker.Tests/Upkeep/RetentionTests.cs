using ContinualService.Domain;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Tenants;
using ContinualService.Domain.Webhooks;
using ContinualService.Infrastructure.Database;
using ContinualService.Worker.Upkeep;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ContinualService.Worker.Tests.Upkeep;

/// <summary>Which rows go and which stay, and that one worker at a time sees to it.</summary>
public abstract class RetentionTests : UpkeepTests
{
    private const int ManySteps = 2500;
    private static readonly RetentionOptions Defaults = new();

    private protected RetentionTests(bool shared)
        : base(shared)
    {
    }

    [Fact]
    public async Task Run_TaskThatEndedLongAgo_KeepsItsFinalEventAndNoSteps()
    {
        var adapterId = await Service.AddAdapterAsync();
        var old = await AddTaskAsync(adapterId, finishedDaysAgo: 400, ManySteps);
        var middle = await AddTaskAsync(adapterId, finishedDaysAgo: 100, 3);
        var young = await AddTaskAsync(adapterId, finishedDaysAgo: 80, 3);
        var waiting = await AddTaskAsync(adapterId, finishedDaysAgo: null, 3);

        await RunAsync(Defaults);

        Assert.Equal([(old, 0, 1), (middle, 0, 4), (young, 3, 4), (waiting, 3, 4)], await CountAsync(old, middle, young, waiting));
        await using var database = Service.Open();
        var final = await database.TaskEvents.SingleAsync(row => row.TaskId == old, Token);
        Assert.Equal((4, TaskEventTypes.Succeeded), (final.Number, final.Type));
    }

    [Fact]
    public async Task Run_Again_TakesUpWhereItWasAndSeesARetriedTask()
    {
        var adapterId = await Service.AddAdapterAsync();
        var first = await AddTaskAsync(adapterId, finishedDaysAgo: 100, 3);
        var second = await AddTaskAsync(adapterId, finishedDaysAgo: 80, 3);
        await RunAsync(Defaults);
        await using (var database = Service.Open())
        {
            // It was run once more and ended again, with new steps.
            Assert.NotNull((await database.Upkeep.SingleAsync(row => row.Name == Retention.Steps, Token)).Until);
            await database.Tasks.Where(row => row.Id == first).ExecuteUpdateAsync(set => set.SetProperty(row => row.FinishedAt, Now), Token);
            database.Add(new StepMetric { TaskId = first, Attempt = 2, Step = 1 });
            await database.SaveChangesAsync(Token);
        }

        await RunAsync(Defaults, daysLater: 11);
        Assert.Equal([(first, 1, 4), (second, 0, 4)], await CountAsync(first, second));

        await RunAsync(Defaults, daysLater: 91);
        Assert.Equal([(first, 0, 4), (second, 0, 4)], await CountAsync(first, second));
    }

    [Fact]
    public async Task Run_ZeroDays_KeepsEverything()
    {
        var taskId = await AddTaskAsync(await Service.AddAdapterAsync(), finishedDaysAgo: 4000, 3);
        await AddAuditAndKeyAsync(taskId, daysAgo: 4000);

        await RunAsync(new RetentionOptions { StepMetricDays = 0, EventDays = 0, AuditDays = 0, IdempotencyDays = 0 });

        Assert.Equal([(taskId, 3, 4)], await CountAsync(taskId));
        Assert.Equal((1, 1), await AuditAndKeysAsync());
    }

    [Fact]
    public async Task Run_OldAuditEntriesAndKeys_GoByTheirAge()
    {
        var taskId = await AddTaskAsync(await Service.AddAdapterAsync(), finishedDaysAgo: 1, 1);
        foreach (var daysAgo in (int[])[31, 29, 11, 9]) await AddAuditAndKeyAsync(taskId, daysAgo);
        for (var i = 0; i < 1100; i++) await AddAuditAndKeyAsync(null, daysAgo: 50 + i);

        await RunAsync(new RetentionOptions { AuditDays = 10 });

        Assert.Equal((1, 3), await AuditAndKeysAsync());
    }

    [Fact]
    public async Task Run_OldDeliveriesOfWebhooks_GoUnlessTheyAreStillToBeSent()
    {
        var taskId = await AddTaskAsync(await Service.AddAdapterAsync(), finishedDaysAgo: 1, 1);
        await using var database = Service.Open();
        database.Add(new Webhook { Id = "whk_1", TenantId = "tnt_1", Url = "https://example.com", Events = WebhookTypes.Failed, Secret = "" });
        foreach (var (id, daysAgo, next) in new[] { ("old", 31, (DateTimeOffset?)null), ("young", 29, null), ("due", 31, Now) })
            database.Add(new WebhookDelivery { Id = id, WebhookId = "whk_1", TaskId = taskId, Type = WebhookTypes.Failed, DataJson = "{}", CreatedAt = Now.AddDays(-daysAgo), NextAttemptAt = next });
        await database.SaveChangesAsync(Token);

        await RunAsync(new RetentionOptions());

        Assert.Equal(["due", "young"], await database.WebhookDeliveries.AsNoTracking().OrderBy(row => row.Id).Select(row => row.Id).ToListAsync(Token));
    }

    [Fact]
    public async Task Turn_DoneWithinTheInterval_IsNobodysTurn()
    {
        var time = new FakeTimeProvider(Now);
        var turn = new UpkeepTurn(Contexts, time);
        var done = 0;

        Assert.True(await turn.TryAsync("sweep", TimeSpan.FromHours(1), Work, Token));
        time.Advance(TimeSpan.FromMinutes(59));
        Assert.False(await turn.TryAsync("sweep", TimeSpan.FromHours(1), Work, Token));
        Assert.True(await turn.TryAsync("other", TimeSpan.FromHours(1), Work, Token));
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.True(await turn.TryAsync("sweep", TimeSpan.FromHours(1), Work, Token));

        Assert.Equal(3, done);

        Task Work(CancellationToken cancellationToken)
        {
            done++;
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Turn_WorkThatFailed_StaysDue()
    {
        var turn = new UpkeepTurn(Contexts, new FakeTimeProvider(Now));

        await Assert.ThrowsAsync<IOException>(() => turn.TryAsync("sweep", TimeSpan.FromHours(1), _ => throw new IOException("No."), Token));

        Assert.True(await turn.TryAsync("sweep", TimeSpan.FromHours(1), _ => Task.CompletedTask, Token));
    }

    private Task RunAsync(RetentionOptions options, int daysLater = 0) =>
        new Retention(Contexts, Options.Create(options), new FakeTimeProvider(Now.AddDays(daysLater)), NullLogger<Retention>.Instance).RunAsync(Token);

    private async Task<string> AddTaskAsync(string adapterId, int? finishedDaysAgo, int steps)
    {
        var taskId = await Service.AddTaskAsync(adapterId, "red", new Hyperparameters(), enqueue: false);
        await using var database = Service.Open();
        database.AddRange(Enumerable.Range(1, steps).Select(step => new StepMetric { TaskId = taskId, Attempt = 1, Step = step }));
        foreach (var type in (string[])[TaskEventTypes.Started, TaskEventTypes.Progress, TaskEventTypes.Succeeded])
            await database.AppendEventAsync(taskId, type, null, Now, Token);
        (await database.Tasks.SingleAsync(row => row.Id == taskId, Token)).FinishedAt = finishedDaysAgo is { } days ? Now.AddDays(-days) : null;
        await database.SaveChangesAsync(Token);
        return taskId;
    }

    private async Task AddAuditAndKeyAsync(string? taskId, int daysAgo)
    {
        await using var database = Service.Open();
        database.Add(new AuditEntry { Id = Ids.New("aud"), TenantId = "tnt_1", Actor = AuditEntry.Operator, Action = "a", Subject = "s", CreatedAt = Now.AddDays(-daysAgo) });
        if (taskId is not null)
            database.Add(new IdempotencyRecord { TenantId = "tnt_1", Key = $"key {daysAgo}", RequestSha256 = "", TaskId = taskId, CreatedAt = Now.AddDays(-daysAgo) });
        await database.SaveChangesAsync(Token);
    }

    private async Task<(int Audit, int Keys)> AuditAndKeysAsync()
    {
        await using var database = Service.Open();
        return (await database.Audit.CountAsync(Token), await database.IdempotencyRecords.CountAsync(Token));
    }

    private async Task<List<(string TaskId, int Steps, int Events)>> CountAsync(params IEnumerable<string> taskIds)
    {
        await using var database = Service.Open();
        var counts = new List<(string, int, int)>();
        foreach (var taskId in taskIds)
            counts.Add((taskId, await database.StepMetrics.CountAsync(row => row.TaskId == taskId, Token), await database.TaskEvents.CountAsync(row => row.TaskId == taskId, Token)));
        return counts;
    }
}
