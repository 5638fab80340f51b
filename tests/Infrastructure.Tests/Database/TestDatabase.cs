using ContinualService.Domain.Adapters;
using ContinualService.Domain.Datasets;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Tenants;
using ContinualService.Infrastructure.Database;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContinualService.Infrastructure.Tests.Database;

/// <summary>A migrated database file of one test's own, with one tenant, adapter and queued task in it.</summary>
internal sealed class TestDatabase : IDbContextFactory<ServiceDbContext>, IDisposable
{
    public const string TaskId = "task_1";

    public static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();

    public TestDatabase() => Folder = new DataFolder(Path.Combine(_folder.Path, "data"));

    public DataFolder Folder { get; }

    public ServiceDbContext CreateDbContext() => new(Options());

    public DbContextOptions<ServiceDbContext> Options()
    {
        var options = new DbContextOptionsBuilder<ServiceDbContext>();
        options.UseSqliteDatabase(Folder.Database);
        return options.Options;
    }

    public DatabaseMigrator Migrator() => new(this, Folder, Microsoft.Extensions.Options.Options.Create(new DatabaseOptions()), NullLogger<DatabaseMigrator>.Instance);

    public async Task SeedAsync(CancellationToken cancellationToken)
    {
        await Migrator().MigrateAsync(cancellationToken);
        await using var database = CreateDbContext();
        database.Add(new Tenant { Id = "tnt_1", Name = "one", CreatedAt = Now });
        database.Add(new Dataset { Id = "ds_1", TenantId = "tnt_1", Name = "rows", Format = "messages", Sha256 = new string('0', 64), CreatedAt = Now });
        database.Add(new Adapter
        {
            Id = "adp_1",
            TenantId = "tnt_1",
            Name = "first",
            Model = "m",
            BaseDigest = "d",
            TemplateSha256 = "",
            TargetModulesJson = "[]",
            Method = "slao",
            CreatedAt = Now,
        });
        database.Add(new LearningTask
        {
            Id = TaskId,
            TenantId = "tnt_1",
            AdapterId = "adp_1",
            Name = "t",
            TrainDatasetId = "ds_1",
            Metric = "loss",
            HyperparametersJson = "{}",
            BaseDigest = "d",
            CreatedAt = Now,
        });
        await database.SaveChangesAsync(cancellationToken);
    }

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        _folder.Dispose();
    }
}
