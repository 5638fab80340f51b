using ContinualService.Api.Serving.Vllm;

namespace ContinualService.Api.Serving;

/// <summary>Registers what computes answers.</summary>
internal static class ServingSetup
{
    /// <summary>Reads section <c>Serving</c> and registers the <see cref="IServingBackend"/> that it names. Call after AddModels.</summary>
    public static IServiceCollection AddServing(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ServingOptions>().BindConfiguration("Serving").ValidateDataAnnotations().ValidateOnStart();
        services.AddScoped<ServedModelResolver>();
        // Anything else than the two is refused when the options are validated.
        if (configuration["Serving:Backend"] == ServingBackends.Vllm) return services.AddVllm();
        return services.AddSingleton<IServingBackend, ModelHost>().AddHostedService<PinnedAdapters>();
    }
}
