using ContinualService.Infrastructure.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ContinualService.Infrastructure.Storage;

/// <summary>Registers the object store.</summary>
public static class StorageSetup
{
    /// <summary>Reads section <c>Storage</c> and registers the <see cref="IObjectStore"/> that it names. Needs <see cref="DataFolder"/> and <see cref="TimeProvider"/>.</summary>
    public static IServiceCollection AddObjectStore(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<StorageOptions>().Bind(configuration.GetSection(StorageOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<StorageOptions>, StorageOptionsValidator>();
        services.AddMetrics();
        services.AddSingleton<ObjectStoreErrors>();
        services.AddSingleton<IObjectStore>(provider =>
        {
            var options = provider.GetRequiredService<IOptions<StorageOptions>>().Value;
            var folder = provider.GetRequiredService<DataFolder>();
            var time = provider.GetRequiredService<TimeProvider>();
            return options.Provider == StorageProvider.S3 ? new S3ObjectStore(options.S3, folder.Incoming, time, provider.GetRequiredService<ObjectStoreErrors>().Add) : new DiskObjectStore(folder.Objects, time);
        });
        return services;
    }
}
