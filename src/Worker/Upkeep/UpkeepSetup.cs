using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker.Upkeep;

/// <summary>Registers what keeps store and database in order.</summary>
internal static class UpkeepSetup
{
    /// <summary>Reads the collector's settings; registers the collector and the verifier, which an operator may also call from the Api's command line.</summary>
    public static IServiceCollection AddObjectCollector(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<CollectOptions>().Bind(configuration.GetSection(CollectOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<IValidateOptions<CollectOptions>, CollectOptionsValidator>();
        services.AddSingleton<ObjectCollector>();
        services.AddSingleton<ObjectVerifier>();
        return services;
    }

    /// <summary>Reads section <c>Retention</c> and registers the worker's background service. Call after <see cref="AddObjectCollector"/>.</summary>
    public static IServiceCollection AddUpkeep(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<RetentionOptions>().Bind(configuration.GetSection(RetentionOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<Retention>();
        services.AddSingleton<UpkeepTurn>();
        services.AddSingleton<UpkeepService>();
        services.AddHostedService(provider => provider.GetRequiredService<UpkeepService>());
        return services;
    }
}
