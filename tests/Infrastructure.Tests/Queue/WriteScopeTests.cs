using System.Transactions;
using ContinualService.Domain.Tenants;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using ContinualService.TestKit.Servers;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Queue;

/// <summary>Rows and messages on PostgreSQL.</summary>
public sealed class WriteScopeTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private ServiceProvider? _services;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ServiceProvider Services => _services!;

    private ITaskQueue Queue => Services.GetRequiredService<ITaskQueue>();

    public async ValueTask InitializeAsync()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Data:Root"] = _folder.Path,
            ["Database:Provider"] = "postgresql",
            ["Database:ConnectionString"] = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(Token),
        }).Build();
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddSingleton<IHostEnvironment>(new Microsoft.Extensions.Hosting.Internal.HostingEnvironment { ContentRootPath = _folder.Path });
        services.AddInfrastructure(configuration);
        _services = services.BuildServiceProvider();
        await Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(Token);
    }

    public async ValueTask DisposeAsync()
    {
        await Services.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Commit_RowsAndMessage_AreBothThere()
    {
        await using (var database = Open())
        await using (var scope = WriteScope.Begin(database, Queue))
        {
            await AddTenantAsync(database, "kept");
            scope.Wake("task_1");
            using (new TransactionScope(TransactionScopeOption.Suppress)) Assert.Equal(0, Queue.CountWaiting());
            await scope.CommitAsync(Token);
        }

        Assert.Equal((1, 1L), (await TenantsAsync(), Queue.CountWaiting()));
    }

    [Fact]
    public async Task NoCommit_RowsAndMessage_AreBothGone()
    {
        await using (var database = Open())
        await using (var scope = WriteScope.Begin(database, Queue))
        {
            await AddTenantAsync(database, "lost");
            scope.Wake("task_1");
        }

        Assert.Equal((0, 0L), (await TenantsAsync(), Queue.CountWaiting()));
    }

    [Fact]
    public async Task Migrate_ManyTimesAtOnce_TakesTurns()
    {
        var server = await PostgresServer.SharedAsync();
        var source = Npgsql.NpgsqlDataSource.Create(await server.CreateDatabaseAsync(Token));
        await using var _ = source;
        var contexts = new Contexts(source);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => new DatabaseMigrator(
            contexts, new DataFolder(_folder.Path), Microsoft.Extensions.Options.Options.Create(new DatabaseOptions()), NullLogger<DatabaseMigrator>.Instance).MigrateAsync(Token)));

        await using var database = contexts.CreateDbContext();
        Assert.Empty(await database.Database.GetPendingMigrationsAsync(Token));
    }

    [Fact]
    public void Model_AgainstMigrations_HasNoPendingChanges()
    {
        using var database = Open();

        Assert.False(database.Database.HasPendingModelChanges(), "Run: dotnet ef migrations add NAME --project src/Migrations.PostgreSql -o Migrations");
    }

    private ServiceDbContext Open() => Services.GetRequiredService<IDbContextFactory<ServiceDbContext>>().CreateDbContext();

    private async Task<int> TenantsAsync()
    {
        await using var database = Open();
        return await database.Tenants.CountAsync(Token);
    }

    private static async Task AddTenantAsync(ServiceDbContext database, string name)
    {
        database.Add(new Tenant { Id = "tnt_" + name, Name = name });
        await database.SaveChangesAsync(Token);
    }

    private sealed class Contexts(Npgsql.NpgsqlDataSource source) : IDbContextFactory<ServiceDbContext>
    {
        public ServiceDbContext CreateDbContext()
        {
            var options = new DbContextOptionsBuilder<ServiceDbContext>();
            options.UsePostgreSqlDatabase(source);
            return new ServiceDbContext(options.Options);
        }
    }
}
