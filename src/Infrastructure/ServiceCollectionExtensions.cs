using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Health;
using ContinualService.Infrastructure.Queue;
using ContinualService.Infrastructure.Storage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ContinualService.Infrastructure;

/// <summary>Registers database, queue, object store, the hub of news and the checks of their health.</summary>
public static class ServiceCollectionExtensions
{
    /// <summary>
    /// Reads sections <c>Data</c>, <c>Database</c>, <c>Queue</c> and <c>Storage</c>. Registers <see cref="DataFolder"/>, a pooled factory of
    /// <see cref="ServiceDbContext"/> and the context itself per scope, <see cref="ITaskQueue"/>, <see cref="IObjectStore"/>, <see cref="EventHub"/>,
    /// <see cref="TimeProvider"/>, <see cref="Readiness"/>, and migrates the database before any other hosted service starts: call it first.
    /// </summary>
    public static IServiceCollection AddInfrastructure(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<DataOptions>().Bind(configuration.GetSection(DataOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.TryAddSingleton<TimeProvider, MillisecondClock>();
        services.AddSingleton(provider => new DataFolder(Path.Combine(
            provider.GetRequiredService<IHostEnvironment>().ContentRootPath, provider.GetRequiredService<IOptions<DataOptions>>().Value.Root)));
        services.AddDatabase();
        services.AddQueue(configuration);
        services.AddObjectStore(configuration);
        services.AddSingleton<EventHub>();
        services.AddHealth();
        return services;
    }
}
