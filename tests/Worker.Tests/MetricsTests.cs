using System.Globalization;
using System.Text.RegularExpressions;
using ContinualService.Domain;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Tenants;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Worker.Tests;

/// <summary>A worker's process beside a test that sends tasks through the same database.</summary>
public sealed partial class MetricsTests : IAsyncLifetime
{
    private static readonly Hyperparameters Short = new() { Epochs = 2, BatchSize = 4 };
    private readonly TestService _service = new(shared: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _service.PrepareAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task Metrics_OfAWorkerAfterTwoTasks_TellWhatItDid()
    {
        await using var worker = await WorkerProcess.StartAsync(_service, Token);
        var adapter = await _service.AddAdapterAsync();
        var first = await _service.AddTaskAsync(adapter, "red", Short);
        await _service.WaitForEndAsync(first);
        var broken = await _service.AddTaskAsync(adapter, "blue", Short with { LearningRate = 1e30 });
        var failure = (await _service.WaitForEndAsync(broken)).FailureCode!.Value;
        await _service.WaitForEndAsync(await _service.AddTaskAsync(adapter, "green", Short));

        var metrics = await UntilAsync(worker, each => each.GetValueOrDefault("continual_tasks{state=\"succeeded\",tenant_class=\"standard\"}") == 2);

        await using var database = _service.Open();
        var steps = await database.StepMetrics.AsNoTracking().ToListAsync(Token);
        Assert.Equal(1, metrics["continual_tasks{state=\"failed\",tenant_class=\"standard\"}"]);
        Assert.Equal(0, metrics["continual_tasks{state=\"queued\",tenant_class=\"standard\"}"]);
        Assert.Equal(2, metrics["continual_task_duration_seconds_count{outcome=\"succeeded\"}"]);
        Assert.Equal(1, metrics["continual_task_duration_seconds_count{outcome=\"failed\"}"]);
        Assert.Equal(1, metrics[$"continual_run_failures_total{{reason=\"{WireName.Of(failure)}\"}}"]);
        Assert.Equal(0, metrics["continual_run_failures_total{reason=\"worker_died\"}"]);
        Assert.Equal(steps.Count, metrics["continual_step_duration_seconds_count"]);
        Assert.Equal(steps.GroupBy(step => step.TaskId).Sum(run => run.Max(step => step.Tokens)), metrics["continual_tokens_total"]);
        Assert.Equal(2, metrics["continual_merge_duration_seconds_count"]);
        Assert.Equal(await database.Versions.SumAsync(row => row.SizeBytes, Token), metrics["continual_version_size_bytes_sum"]);
        Assert.Equal(0, metrics["continual_lease_lost_total"]);
        Assert.Equal(0, metrics["continual_object_store_errors_total"]);
        Assert.Equal((await database.Versions.SingleAsync(row => row.Number == 2, Token)).Forgetting!.Value, metrics["continual_last_merge_forgetting{tenant_class=\"standard\"}"], 12);
    }

    [Fact]
    public async Task Metrics_OfTheQueue_TellDepthAgeAndWorkersByClass()
    {
        await using (var database = _service.Open())
        {
            database.Add(new Tenant { Id = "tnt_2", Name = "two", Class = "gold" });
            await database.SaveChangesAsync(Token);
        }

        // They wait behind a paused one.
        var adapter = await _service.AddAdapterAsync();
        var paused = await _service.AddTaskAsync(adapter, "red", Short, enqueue: false);
        await _service.AddTaskAsync(adapter, "blue", Short, enqueue: false);
        await _service.AddTaskAsync(adapter, "green", Short, enqueue: false);
        await using (var database = _service.Open())
        {
            await database.Tasks.Where(row => row.Id == paused).ExecuteUpdateAsync(set => set.SetProperty(row => row.Status, LearningTaskStatus.Paused), Token);
            var hourAgo = TimeProvider.System.GetUtcNow().AddHours(-1);
            await database.TaskEvents.Where(row => row.TaskId != paused).ExecuteUpdateAsync(set => set.SetProperty(row => row.CreatedAt, hourAgo), Token);
        }

        await using var worker = await WorkerProcess.StartAsync(_service, Token);
        var metrics = await UntilAsync(worker, each => each.GetValueOrDefault("continual_workers{state=\"idle\"}") == 1);

        Assert.Equal(2, metrics["continual_queue_depth"]);
        Assert.InRange(metrics["continual_queue_oldest_age_seconds"], 3600, 3900);
        Assert.Equal(0, metrics["continual_workers{state=\"busy\"}"]);
        Assert.Equal(2, metrics["continual_tasks{state=\"queued\",tenant_class=\"standard\"}"]);
        Assert.Equal(1, metrics["continual_tasks{state=\"paused\",tenant_class=\"standard\"}"]);
        Assert.Equal(0, metrics["continual_tasks{state=\"queued\",tenant_class=\"gold\"}"]);
    }

    private static async Task<Dictionary<string, double>> UntilAsync(WorkerProcess worker, Func<Dictionary<string, double>, bool> until)
    {
        while (true)
        {
            var text = await worker.Client.GetStringAsync("/metrics", Token);
            var metrics = Line().Matches(text).ToDictionary(match => match.Groups[1].Value.Replace("{}", "", StringComparison.Ordinal), match => double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
            if (until(metrics)) return metrics;
            await Task.Delay(200, Token);
        }
    }

    // name{labels} value [milliseconds]
    [GeneratedRegex(@"^([a-z_]+(?:\{[^}]*\})?) (\S+)(?: \d+)?$", RegexOptions.Multiline)]
    private static partial Regex Line();
}
