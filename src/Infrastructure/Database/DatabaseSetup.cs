using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;

namespace ContinualService.Infrastructure.Database;

/// <summary>How the service's context reaches its database; the migrations of each kind are a library of their own.</summary>
public static class DatabaseSetup
{
    private const string SqliteMigrations = "ContinualService.Migrations.Sqlite";
    private const string PostgreSqlMigrations = "ContinualService.Migrations.PostgreSql";

    public static DbContextOptionsBuilder UseSqliteDatabase(this DbContextOptionsBuilder options, string path) =>
        options
            .UseSqlite(new SqliteConnectionStringBuilder { DataSource = path, ForeignKeys = true }.ToString(), sqlite => sqlite.MigrationsAssembly(SqliteMigrations))
            .AddInterceptors(PragmaInterceptor.Instance);

    public static DbContextOptionsBuilder UsePostgreSqlDatabase(this DbContextOptionsBuilder options, NpgsqlDataSource source) =>
        options.UseNpgsql(source, npgsql => npgsql.MigrationsAssembly(PostgreSqlMigrations));

    /// <summary>
    /// Reads section <c>Database</c>. Registers a pooled factory of <see cref="ServiceDbContext"/>, the context itself per scope and the migrator, which runs before
    /// any other hosted service starts. With PostgreSQL also the one <see cref="NpgsqlDataSource"/>, which the queue shares.
    /// </summary>
    internal static IServiceCollection AddDatabase(this IServiceCollection services)
    {
        services.AddOptions<DatabaseOptions>().BindConfiguration(DatabaseOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<DatabaseOptions>, DatabaseOptionsValidator>();
        services.AddSingleton(provider => NpgsqlDataSource.Create(provider.GetRequiredService<IOptions<DatabaseOptions>>().Value.ConnectionString!));
        services.AddPooledDbContextFactory<ServiceDbContext>((provider, options) =>
        {
            if (provider.GetRequiredService<IOptions<DatabaseOptions>>().Value.Provider == DatabaseProvider.PostgreSql) options.UsePostgreSqlDatabase(provider.GetRequiredService<NpgsqlDataSource>());
            else options.UseSqliteDatabase(provider.GetRequiredService<DataFolder>().Database);
        });
        services.AddScoped(provider => provider.GetRequiredService<IDbContextFactory<ServiceDbContext>>().CreateDbContext());
        services.AddSingleton<DatabaseMigrator>();
        services.AddHostedService(provider => provider.GetRequiredService<DatabaseMigrator>());
        return services;
    }
}
