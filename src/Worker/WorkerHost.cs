using ContinualService.Infrastructure;
using ContinualService.Infrastructure.Health;
using ContinualService.Infrastructure.Queue;
using ContinualService.Infrastructure.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker;

/// <summary>The worker as a process of its own: takes tasks from the shared queue, and answers for its health.</summary>
internal static class WorkerHost
{
    private static readonly string[] Talkative = ["Microsoft.AspNetCore", "Microsoft.EntityFrameworkCore", "Hangfire"];

    /// <summary>Runs until the process is told to stop; 2 where an operator has something to mend first.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            var builder = WebApplication.CreateBuilder(args);
            foreach (var category in Talkative) builder.Logging.AddFilter(category, LogLevel.Warning);
            if (builder.Configuration.QueueProvider() == QueueProvider.Memory)
                throw new OptionsValidationException(QueueOptions.Section, typeof(QueueOptions), ["A worker of its own needs a queue that it shares with the Api. Set Database:Provider=postgresql and Database:ConnectionString."]);
            builder.Services.AddInfrastructure(builder.Configuration);
            builder.Services.AddOptions<WorkerOptions>().BindConfiguration(WorkerOptions.Section).ValidateDataAnnotations().ValidateOnStart();
            builder.Services.AddTrainingWorker(builder.Configuration);
            builder.Services.AddTelemetry(builder.Configuration, "continual-worker");
            builder.WebHost.UseUrls((builder.Configuration.GetSection(WorkerOptions.Section).Get<WorkerOptions>() ?? new WorkerOptions()).Urls);
            await using var app = builder.Build();
            app.UseMetrics();
            app.MapHealth();
            await app.RunAsync();
            return 0;
        }
        catch (Exception fault) when (fault is OptionsValidationException or IOException)
        {
            await Console.Error.WriteLineAsync($"The worker cannot start: {fault.Message} docs/configuration.md lists every setting.");
            return 2;
        }
    }
}
