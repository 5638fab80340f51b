using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace ContinualService.Infrastructure.Telemetry;

/// <summary>Registers metrics and traces of a process.</summary>
public static class TelemetrySetup
{
    private const string StandardEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Reads sections <c>Metrics</c> and <c>Telemetry</c>. Call after AddInfrastructure.</summary>
    /// <param name="services">Of the process.</param>
    /// <param name="configuration">Its settings.</param>
    /// <param name="program">The name of the program in traces, unless OTEL_SERVICE_NAME gives another.</param>
    public static IServiceCollection AddTelemetry(this IServiceCollection services, IConfiguration configuration, string program)
    {
        services.AddOptions<MetricsOptions>().BindConfiguration(MetricsOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddOptions<TelemetryOptions>().BindConfiguration(TelemetryOptions.Section).ValidateOnStart();
        services.AddSingleton<MetricsGate>();
        services.AddSingleton<QueueGauges>();
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(program).AddEnvironmentVariableDetector())
            .WithMetrics(metrics => metrics
                .AddMeter(ServiceMeter.Name, "Microsoft.AspNetCore.Hosting")
                .AddPrometheusExporter(exporter => (exporter.ScopeInfoEnabled, exporter.TargetInfoEnabled) = (false, false)));
        var endpoint = configuration.GetSection(TelemetryOptions.Section).Get<TelemetryOptions>()?.OtlpEndpoint;
        if (endpoint is null && string.IsNullOrEmpty(configuration[StandardEndpoint])) return services;
        telemetry.WithTracing(traces => traces
            .AddSource(Tracing.SourceName, "Microsoft.AspNetCore")
            .AddOtlpExporter(exporter =>
            {
                if (endpoint is not null) exporter.Endpoint = endpoint;
            }));
        return services;
    }
}
