using ContinualService.Infrastructure.Health;
using ContinualService.Worker.Scheduling;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker.Health;

/// <summary>Registers the checks of what a process needs that runs tasks.</summary>
internal static class WorkerHealthSetup
{
    // So long may a beat or a pass be late, as while the database restarts.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static IServiceCollection AddWorkerHealth(this IServiceCollection services)
    {
        services.AddSingleton<DeviceWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<DeviceWatch>());
        services.AddSingleton(provider => new DependencyCheck(
            "device", "See the log.", _ => Task.FromResult(provider.GetRequiredService<DeviceWatch>().Fault)));
        services.AddSingleton(provider => new DependencyCheck("worker", "See the log.", _ => Task.FromResult(FaultOfWorker(provider))));
        return services;
    }

    private static string? FaultOfWorker(IServiceProvider provider)
    {
        var now = provider.GetRequiredService<TimeProvider>().GetUtcNow();
        var beat = now - provider.GetRequiredService<WorkerHeartbeat>().LastBeat;
        if (beat > WorkerHeartbeat.Interval + Patience)
            return FormattableString.Invariant($"Its last heartbeat is {beat.TotalSeconds:F0} seconds old. Where the database is ready, restart this process.");
        var pass = now - provider.GetRequiredService<LostTaskSweep>().LastPass;
        if (pass > TimeSpan.FromSeconds(provider.GetRequiredService<IOptions<TrainingSettings>>().Value.SweepSeconds) + Patience)
            return FormattableString.Invariant($"Its last sweep for lost tasks is {pass.TotalSeconds:F0} seconds old. Where the database is ready, restart this process.");
        return null;
    }
}
