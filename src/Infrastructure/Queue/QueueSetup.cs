using ContinualService.Infrastructure.Database;
using Hangfire;
using Hangfire.AspNetCore;
using Hangfire.InMemory;
using Hangfire.PostgreSql;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace ContinualService.Infrastructure.Queue;

/// <summary>Registers the queue's storage and its client; who takes messages registers a server.</summary>
public static class QueueSetup
{
    /// <summary>The provider that the settings mean, for what is registered by it.</summary>
    public static QueueProvider QueueProvider(this IConfiguration configuration)
    {
        var wanted = configuration.GetSection(QueueOptions.Section).Get<QueueOptions>()?.Provider;
        var database = configuration.GetSection(DatabaseOptions.Section).Get<DatabaseOptions>()?.Provider;
        return wanted ?? (database == DatabaseProvider.PostgreSql ? Queue.QueueProvider.PostgreSql : Queue.QueueProvider.Memory);
    }

    internal static IServiceCollection AddQueue(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<QueueOptions>().BindConfiguration(QueueOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<QueueOptions>, QueueOptionsValidator>();
        // Given here and not through Hangfire's global configuration, whose one static storage and activator two hosts in a process would take from each other.
        services.AddSingleton<JobActivator>(provider => new AspNetCoreJobActivator(provider.GetRequiredService<IServiceScopeFactory>()));
        if (configuration.QueueProvider() == Queue.QueueProvider.PostgreSql)
        {
            services.AddSingleton(PostgreSqlOptions);
            services.AddSingleton<JobStorage>(provider =>
                new PostgreSqlStorage(new SharedConnections(provider.GetRequiredService<NpgsqlDataSource>()), provider.GetRequiredService<PostgreSqlStorageOptions>()));
        }
        else
        {
            services.AddSingleton<JobStorage>(_ => new InMemoryStorage(new InMemoryStorageOptions { MaxExpirationTime = TimeSpan.FromHours(1) }));
        }

        services.AddHangfire((provider, hangfire) => hangfire
            .UseLogProvider(new QueueLogProvider(provider.GetRequiredService<ILoggerFactory>()))
            .SetDataCompatibilityLevel(CompatibilityLevel.Version_180).UseSimpleAssemblyNameTypeSerializer().UseRecommendedSerializerSettings());
        services.AddSingleton<ITaskQueue, HangfireTaskQueue>();
        return services;
    }

    private static PostgreSqlStorageOptions PostgreSqlOptions(IServiceProvider services) => new()
    {
        SchemaName = DatabaseMigrator.QueueSchema,
        // The migrator makes the tables, one process at a time.
        PrepareSchemaIfNecessary = false,
        // Rows and messages are written in one ambient transaction.
        EnableTransactionScopeEnlistment = true,
        // Without, a worker looks every QueuePollInterval only.
        EnableLongPolling = true,
        QueuePollInterval = TimeSpan.FromSeconds(5),
        InvisibilityTimeout = TimeSpan.FromSeconds(services.GetRequiredService<IOptions<QueueOptions>>().Value.InvisibilitySeconds),
        // A fixed time would give every longer run's message to a second worker.
        UseSlidingInvisibilityTimeout = true,
    };

    /// <summary>Connections of the service's own pool.</summary>
    private sealed class SharedConnections(NpgsqlDataSource source) : IConnectionFactory
    {
        public NpgsqlConnection GetOrCreateConnection() => source.CreateConnection();
    }
}
