using System.Diagnostics.Metrics;
using ContinualService.Infrastructure.Health;
using ContinualService.Infrastructure.Telemetry;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>Registers the backend <c>vllm</c>.</summary>
internal static class VllmSetup
{
    public static IServiceCollection AddVllm(this IServiceCollection services)
    {
        services.AddOptions<VllmOptions>().BindConfiguration(VllmOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<IValidateOptions<VllmOptions>, VllmOptionsValidator>();
        services.AddSingleton(provider => new VllmMetrics(provider.GetRequiredService<IMeterFactory>().CreateServiceMeter()));
        services.AddSingleton<VllmFolder>();
        services.AddSingleton<VllmFleet>();
        services.AddSingleton<IServingBackend, VllmBackend>();
        services.AddHostedService<VllmWatch>();
        return services.AddSingleton(provider => Check(provider.GetRequiredService<VllmFleet>()));
    }

    // Training does not need the fleet: a process that lost it is still the right one for every other request.
    private static DependencyCheck Check(VllmFleet fleet)
    {
        const string advice = "See that the vLLM servers of Serving:Vllm run and can be reached; the log says what they answered.";
        return new DependencyCheck("vllmFleet", advice, _ => Task.FromResult(fleet.Fault())) { IsEssential = false };
    }
}
