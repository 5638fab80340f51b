using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Database;

public sealed class ServiceDbContextTests : IDisposable
{
    private readonly TestDatabase _test = new();
    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public void Dispose() => _test.Dispose();

    [Fact]
    public void Model_AgainstMigrations_HasNoPendingChanges()
    {
        using var database = _test.CreateDbContext();

        Assert.False(database.Database.HasPendingModelChanges(), "Run: dotnet ef migrations add NAME --project src/Migrations.Sqlite -o Migrations");
    }

    [Fact]
    public async Task Migrate_ManyTimesAtOnce_KeepsTheRows()
    {
        await _test.SeedAsync(_token);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _test.Migrator().MigrateAsync(_token)));

        await using var database = _test.CreateDbContext();
        Assert.Equal(1, await database.Tasks.CountAsync(_token));
    }

    [Fact]
    public async Task Connection_Opened_HasWalAndForeignKeysAndPatience()
    {
        await _test.SeedAsync(_token);
        await using var database = _test.CreateDbContext();

        Assert.Equal("wal", await database.Database.SqlQueryRaw<string>("SELECT journal_mode AS Value FROM pragma_journal_mode").SingleAsync(_token));
        Assert.Equal(1, await database.Database.SqlQueryRaw<int>("SELECT foreign_keys AS Value FROM pragma_foreign_keys").SingleAsync(_token));
        Assert.Equal(30000, await database.Database.SqlQueryRaw<int>("SELECT timeout AS Value FROM pragma_busy_timeout").SingleAsync(_token));
    }

    [Fact]
    public async Task Row_OfAnUnknownAdapter_IsRefused()
    {
        await _test.SeedAsync(_token);
        await using var database = _test.CreateDbContext();
        database.Add(new AdapterAlias { AdapterId = "adp_none", Name = "live" });

        await Assert.ThrowsAsync<DbUpdateException>(() => database.SaveChangesAsync(_token));
    }

    [Fact]
    public async Task TimesAndEnums_StoredAndOrdered_AsMillisecondsAndNames()
    {
        await _test.SeedAsync(_token);
        await using var database = _test.CreateDbContext();

        Assert.Equal(TestDatabase.Now, await database.Tasks.OrderBy(task => task.CreatedAt).Select(task => task.CreatedAt).FirstAsync(_token));
        Assert.Equal(
            TestDatabase.Now.ToUnixTimeMilliseconds(), await database.Database.SqlQueryRaw<long>("SELECT CreatedAt AS Value FROM Tasks").SingleAsync(_token));
        Assert.Equal("Queued", await database.Database.SqlQueryRaw<string>("SELECT Status AS Value FROM Tasks").SingleAsync(_token));
    }

    [Fact]
    public async Task AdapterName_OfADeletedAdapter_IsFreeAgain()
    {
        await _test.SeedAsync(_token);
        await using var database = _test.CreateDbContext();
        var taken = () => new Adapter
        {
            Id = Domain.Ids.New("adp"),
            TenantId = "tnt_1",
            Name = "first",
            Model = "m",
            BaseDigest = "d",
            TemplateSha256 = "",
            TargetModulesJson = "[]",
            Method = "slao",
        };
        database.Add(taken());
        await Assert.ThrowsAsync<DbUpdateException>(() => database.SaveChangesAsync(_token));
        database.ChangeTracker.Clear();

        await database.Adapters.ExecuteUpdateAsync(set => set.SetProperty(row => row.DeletedAt, TestDatabase.Now), _token);
        database.Add(taken());

        Assert.Equal(1, await database.SaveChangesAsync(_token));
    }

    [Fact]
    public async Task Events_AppendedByManyWriters_AreNumberedWithoutGaps()
    {
        await _test.SeedAsync(_token);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(
            async () =>
            {
                for (var i = 0; i < 5; i++)
                {
                    await using var database = _test.CreateDbContext();
                    await using var transaction = await database.Database.BeginTransactionAsync(_token);
                    await database.AppendEventAsync(TestDatabase.TaskId, TaskEventTypes.Progress, new { i }, TestDatabase.Now, _token);
                    await database.AppendEventAsync(TestDatabase.TaskId, TaskEventTypes.Progress, null, TestDatabase.Now, _token);
                    await database.SaveChangesAsync(_token);
                    await transaction.CommitAsync(_token);
                }
            },
            _token)));

        await using var reader = _test.CreateDbContext();
        Assert.Equal(Enumerable.Range(1, 40), await reader.TaskEvents.OrderBy(row => row.Number).Select(row => row.Number).ToListAsync(_token));
    }
}
