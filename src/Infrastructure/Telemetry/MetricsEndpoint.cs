using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace ContinualService.Infrastructure.Telemetry;

/// <summary>The route /metrics, the same in every process.</summary>
public static class MetricsEndpoint
{
    /// <summary>Serves Prometheus at /metrics to whom section <c>Metrics</c> allows; put it before authentication, whose keys are not asked for here.</summary>
    public static IApplicationBuilder UseMetrics(this IApplicationBuilder app)
    {
        var (gate, gauges) = (app.ApplicationServices.GetRequiredService<MetricsGate>(), app.ApplicationServices.GetRequiredService<QueueGauges>());
        // It counts from the start of the process, not from the first use of the store.
        app.ApplicationServices.GetRequiredService<ObjectStoreErrors>();
        return app.MapWhen(http => http.Request.Path == "/metrics", branch =>
        {
            branch.Use(async (http, next) =>
            {
                // What is asked for every few seconds would hide what users ask for.
                if (http.Features.Get<IHttpMetricsTagsFeature>() is { } measured) measured.MetricsDisabled = true;
                if (gate.Refuse(http) is { } refusal)
                {
                    await refusal.ExecuteAsync(http);
                    return;
                }

                await gauges.RefreshAsync(http.RequestAborted);
                await next(http);
            });
            branch.UseOpenTelemetryPrometheusScrapingEndpoint(_ => true);
        });
    }
}
