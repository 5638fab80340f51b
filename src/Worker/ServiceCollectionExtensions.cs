using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Queue;
using ContinualService.Worker.Health;
using ContinualService.Worker.Runs;
using ContinualService.Worker.Scheduling;
using ContinualService.Worker.Upkeep;
using Hangfire;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker;

/// <summary>Registers everything that runs tasks.</summary>
public static class ServiceCollectionExtensions
{
    // What a stopping run needs beside its training process: storing a last checkpoint and writing its rows.
    private static readonly TimeSpan AfterStop = TimeSpan.FromSeconds(30);

    /// <summary>Registers what <see cref="AddTrainingWorker"/> does where the settings say that the Api's process runs tasks itself, else only the base models, the collector and the settings that a dry run plans with.</summary>
    public static IServiceCollection AddEmbeddedWorker(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<WorkerOptions>().BindConfiguration(WorkerOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<IValidateOptions<WorkerOptions>, WorkerOptionsValidator>();
        var embedded = configuration.GetSection(WorkerOptions.Section).Get<WorkerOptions>()?.Embedded ?? configuration.QueueProvider() == QueueProvider.Memory;
        return embedded ? services.AddTrainingWorker(configuration) : services.AddTrainingSettings(configuration).AddModelCatalog(configuration).AddDrift(configuration).AddObjectCollector(configuration);
    }

    /// <summary>
    /// Reads sections <c>Training</c>, <c>Drift</c>, <c>Models</c>, <c>Retention</c> and the collector's part of <c>Storage</c>. Registers <see cref="ModelCatalog"/>, the queue's server
    /// with its one worker, the job, the sweep, the heartbeat and the upkeep. Call after AddInfrastructure.
    /// </summary>
    public static IServiceCollection AddTrainingWorker(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddTrainingSettings(configuration).AddModelCatalog(configuration).AddDrift(configuration);
        services.AddSingleton<RunPreparation>();
        services.AddSingleton<CurrentRun>();
        services.AddSingleton<RunMetrics>();
        services.AddTransient<ITrainingJob, TrainingJob>();
        // The order matters: own the data folder, sweep, and only then let the server take messages.
        services.AddSingleton<WorkerIdentity>();
        services.AddHostedService(provider => provider.GetRequiredService<WorkerIdentity>());
        services.AddSingleton<WorkerHeartbeat>();
        services.AddHostedService(provider => provider.GetRequiredService<WorkerHeartbeat>());
        services.AddSingleton<LostTaskSweep>();
        services.AddHostedService(provider => provider.GetRequiredService<LostTaskSweep>());
        services.AddWorkerHealth();
        services.AddObjectCollector(configuration).AddUpkeep(configuration);
        services.AddHangfireServer((provider, server) =>
        {
            // One run at a time: two training processes on the same device take many times longer than one after the other.
            server.WorkerCount = 1;
            server.Queues = [HangfireTaskQueue.QueueName];
            server.ShutdownTimeout = StopTime(provider);
        });
        services.AddOptions<HostOptions>().Configure<IServiceProvider>((host, provider) => host.ShutdownTimeout = StopTime(provider) + TimeSpan.FromSeconds(5));
        return services;
    }

    /// <summary>Reads section <c>Models</c> and registers <see cref="ModelCatalog"/>.</summary>
    public static IServiceCollection AddModelCatalog(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ModelsOptions>().Bind(configuration.GetSection(ModelsOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton(provider =>
        {
            var options = provider.GetRequiredService<IOptions<ModelsOptions>>().Value;
            return new ModelCatalog(options.FindRoot(provider.GetRequiredService<IHostEnvironment>().ContentRootPath), options.Default);
        });
        return services;
    }

    private static IServiceCollection AddTrainingSettings(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<TrainingSettings>().Bind(configuration.GetSection(TrainingSettings.Section)).ValidateDataAnnotations().ValidateOnStart();
        return services;
    }

    private static IServiceCollection AddDrift(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<DriftOptions>().Bind(configuration.GetSection(DriftOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<IValidateOptions<DriftOptions>, DriftOptionsValidator>();
        return services;
    }

    private static TimeSpan StopTime(IServiceProvider provider) =>
        TimeSpan.FromSeconds(provider.GetRequiredService<IOptions<TrainingSettings>>().Value.StopSeconds) + AfterStop;
}
