using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Queue;
using ContinualService.Worker.Runs;
using Hangfire;
using Hangfire.InMemory;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker;

/// <summary>Registers everything that runs tasks.</summary>
public static class ServiceCollectionExtensions
{
    /// <summary>
    /// Reads sections <c>Training</c> and <c>Models</c>. Registers <see cref="ModelCatalog"/>, the queue in memory with its one worker, the job and the sweep.
    /// Call after AddInfrastructure.
    /// </summary>
    public static IServiceCollection AddTrainingWorker(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddModelCatalog(configuration);
        services.AddOptions<TrainingSettings>().Bind(configuration.GetSection(TrainingSettings.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<RunPreparation>();
        services.AddTransient<ITrainingJob, TrainingJob>();
        services.AddSingleton<ITaskQueue, HangfireTaskQueue>();
        // The order matters: own the folder, sweep, and only then let the server take messages.
        services.AddSingleton<DataFolderOwnership>();
        services.AddHostedService(provider => provider.GetRequiredService<DataFolderOwnership>());
        services.AddSingleton<LostTaskSweep>();
        services.AddHostedService(provider => provider.GetRequiredService<LostTaskSweep>());
        // Given here and not through Hangfire's global configuration, whose one static storage two hosts in a process would take from each other.
        services.AddSingleton<JobStorage>(_ => new InMemoryStorage(new InMemoryStorageOptions { MaxExpirationTime = TimeSpan.FromHours(1) }));
        services.AddHangfire(hangfire => hangfire.UseSimpleAssemblyNameTypeSerializer().UseRecommendedSerializerSettings());
        services.AddHangfireServer(server =>
        {
            // One run at a time: two training processes on the same cores take many times longer than one after the other.
            server.WorkerCount = 1;
            server.ShutdownTimeout = TimeSpan.FromSeconds(20);
        });
        return services;
    }

    /// <summary>Reads section <c>Models</c> and registers <see cref="ModelCatalog"/>.</summary>
    public static IServiceCollection AddModelCatalog(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ModelsOptions>().Bind(configuration.GetSection(ModelsOptions.Section)).ValidateOnStart();
        services.AddSingleton(provider =>
        {
            var options = provider.GetRequiredService<IOptions<ModelsOptions>>().Value;
            return new ModelCatalog(options.FindRoot(provider.GetRequiredService<IHostEnvironment>().ContentRootPath), options.Default);
        });
        return services;
    }
}
