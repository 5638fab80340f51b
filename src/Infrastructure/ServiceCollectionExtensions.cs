using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ContinualService.Infrastructure;

/// <summary>Registers database, object store and the hub of news.</summary>
public static class ServiceCollectionExtensions
{
    /// <summary>
    /// Reads section <c>Data</c>. Registers <see cref="DataFolder"/>, a pooled factory of <see cref="ServiceDbContext"/> and the context itself per
    /// scope, <see cref="IObjectStore"/>, <see cref="EventHub"/>, <see cref="TimeProvider"/>, and migrates the database before any other hosted service starts:
    /// call it first.
    /// </summary>
    public static IServiceCollection AddInfrastructure(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<DataOptions>().Bind(configuration.GetSection(DataOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.TryAddSingleton<TimeProvider, MillisecondClock>();
        services.AddSingleton(provider => new DataFolder(Path.Combine(
            provider.GetRequiredService<IHostEnvironment>().ContentRootPath, provider.GetRequiredService<IOptions<DataOptions>>().Value.Root)));
        services.AddPooledDbContextFactory<ServiceDbContext>((provider, options) => options.UseServiceDatabase(provider.GetRequiredService<DataFolder>()));
        services.AddScoped(provider => provider.GetRequiredService<IDbContextFactory<ServiceDbContext>>().CreateDbContext());
        services.AddSingleton<DatabaseMigrator>();
        services.AddHostedService(provider => provider.GetRequiredService<DatabaseMigrator>());
        services.AddObjectStore(configuration);
        services.AddSingleton<EventHub>();
        return services;
    }
}
