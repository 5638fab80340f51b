using ContinualService.Infrastructure.Database;
using ContinualService.Worker.Upkeep;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Worker.Tests.Upkeep;

/// <summary>On PostgreSQL, with several workers.</summary>
public sealed class SharedRetentionTests : RetentionTests
{
    public SharedRetentionTests()
        : base(shared: true)
    {
    }

    [Fact]
    public async Task Turn_WhileAnotherWorkerHasIt_IsNobodyElses()
    {
        await using var other = Service.AnotherWorker();
        var (mine, theirs) = (new UpkeepTurn(Contexts, TimeProvider.System), new UpkeepTurn(new Factory(other), TimeProvider.System));
        var (began, end) = (new TaskCompletionSource(), new TaskCompletionSource());
        var first = mine.TryAsync("sweep", TimeSpan.Zero, async _ =>
        {
            began.SetResult();
            await end.Task;
        }, Token);
        await began.Task;

        Assert.False(await theirs.TryAsync("sweep", TimeSpan.Zero, _ => throw new InvalidOperationException("Two at once."), Token));
        Assert.True(await theirs.TryAsync("other", TimeSpan.Zero, _ => Task.CompletedTask, Token));

        end.SetResult();
        Assert.True(await first);
        Assert.True(await theirs.TryAsync("sweep", TimeSpan.Zero, _ => Task.CompletedTask, Token));
    }

    [Fact]
    public async Task Statements_OverManyRows_SearchIndices()
    {
        var adapterId = await Service.AddAdapterAsync();
        var taskId = await Service.AddTaskAsync(adapterId, "red", new Domain.Tasks.Hyperparameters(), enqueue: false);
        await using var database = Service.Open();
        await database.Database.ExecuteSqlAsync($"""
            INSERT INTO "Tasks" SELECT filled.* FROM "Tasks" AS task CROSS JOIN generate_series(1, 30000) AS n
            CROSS JOIN LATERAL jsonb_populate_record(task, jsonb_build_object('Id', 'task_' || n, 'Status', 'Succeeded', 'FinishedAt', 1700000000000 + n)) AS filled
            WHERE task."Id" = {taskId}
            """, Token);
        await database.Database.ExecuteSqlAsync($"""
            INSERT INTO "Datasets" SELECT filled.* FROM "Datasets" AS data CROSS JOIN generate_series(1, 30000) AS n
            CROSS JOIN LATERAL jsonb_populate_record(data, jsonb_build_object('Id', 'ds_' || n, 'Sha256', md5(n::text) || md5(n::text))) AS filled
            WHERE data."Id" = (SELECT min("Id") FROM "Datasets")
            """, Token);
        await database.Database.ExecuteSqlRawAsync("ANALYZE", Token);

        var due = await PlanAsync(database, Retention.Due(database, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_020_000), "task_1", Now));
        // For a whole batch over so few rows a scan of the table would be the better plan, and PostgreSQL knows it.
        string[] hashes = [.. Enumerable.Range(0, 50).Select(i => new string('a', 60) + $"{i:0000}")];
        var named = await PlanAsync(database, database.NamedObjects().Where(sha256 => hashes.Contains(sha256)));

        Assert.Contains("IX_Tasks_FinishedAt", due, StringComparison.Ordinal);
        Assert.DoesNotContain("Seq Scan on \"Tasks\"", due, StringComparison.Ordinal);
        Assert.Contains("IX_Datasets_Sha256", named, StringComparison.Ordinal);
        Assert.DoesNotContain("Seq Scan on \"Datasets\"", named, StringComparison.Ordinal);
    }

    private static async Task<string> PlanAsync<T>(ServiceDbContext database, IQueryable<T> query)
    {
        await using var command = query.CreateDbCommand();
        command.CommandText = "EXPLAIN " + command.CommandText;
        await database.Database.OpenConnectionAsync(Token);
        await using var reader = await command.ExecuteReaderAsync(Token);
        var lines = new List<string>();
        while (await reader.ReadAsync(Token)) lines.Add(reader.GetString(0));
        return string.Join('\n', lines);
    }

    private sealed class Factory(TestService service) : IDbContextFactory<ServiceDbContext>
    {
        public ServiceDbContext CreateDbContext() => service.Open();
    }
}
