using ContinualService.Infrastructure.Database;
using ContinualService.TestKit.Servers;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Database;

/// <summary>A program that starts before its database does.</summary>
public sealed class DatabaseMigratorTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private PostgresServer _server = null!;
    private string _connectionString = "";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresServer.StartNewAsync(durable: true);
        _connectionString = await _server.CreateDatabaseAsync(Token);
        await _server.StopAsync(immediate: false);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Start_BeforeTheServer_WaitsForIt(bool migrates)
    {
        await using var services = Services(waitSeconds: 60, migrates);
        var migrator = services.GetRequiredService<DatabaseMigrator>();

        var starting = migrator.StartingAsync(Token);
        await Task.Delay(TimeSpan.FromSeconds(1), Token);
        Assert.False(starting.IsCompleted);
        await _server.StartAsync();

        if (migrates)
        {
            await starting;
            await using var database = await services.GetRequiredService<IDbContextFactory<ServiceDbContext>>().CreateDbContextAsync(Token);
            Assert.Empty(await database.Database.GetPendingMigrationsAsync(Token));
        }
        else
        {
            var refused = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(() => starting);
            Assert.Contains("prepare", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Start_WithoutAServer_SaysWhatToLookAt()
    {
        await using var services = Services(waitSeconds: 0, migrates: true);

        var refused = await Assert.ThrowsAsync<IOException>(() => services.GetRequiredService<DatabaseMigrator>().StartingAsync(Token));

        Assert.Contains("Database:ConnectionString", refused.Message, StringComparison.Ordinal);
    }

    private ServiceProvider Services(int waitSeconds, bool migrates)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Data:Root"] = _folder.Path,
            ["Database:Provider"] = "postgresql",
            ["Database:ConnectionString"] = _connectionString,
            ["Database:WaitSeconds"] = $"{waitSeconds}",
            ["Database:MigrateAtStart"] = $"{migrates}",
        }).Build();
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddSingleton<IHostEnvironment>(new Microsoft.Extensions.Hosting.Internal.HostingEnvironment { ContentRootPath = _folder.Path });
        services.AddInfrastructure(configuration);
        return services.BuildServiceProvider();
    }
}
