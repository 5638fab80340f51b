using Hangfire;

namespace ContinualService.Api.Operators;

/// <summary>Hangfire's pages about messages and servers at /hangfire, for looking only: what becomes of tasks is decided through their own routes.</summary>
internal static class QueueDashboard
{
    private const string Route = "/hangfire";

    public static IServiceCollection AddQueueDashboard(this IServiceCollection services)
    {
        services.AddOptions<OperatorOptions>().BindConfiguration(OperatorOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<OperatorGate>();
        return services;
    }

    /// <summary>Put it before the authentication of tenants, whose keys open nothing here.</summary>
    public static IApplicationBuilder UseQueueDashboard(this IApplicationBuilder app)
    {
        var gate = app.ApplicationServices.GetRequiredService<OperatorGate>();
        var options = new DashboardOptions
        {
            // The gate stands before every page of this branch; Hangfire's own filter would let in whoever seems local.
            Authorization = [],
            IsReadOnlyFunc = _ => true,
            AppPath = "/",
            DashboardTitle = "ContinualService: queue",
            DisplayStorageConnectionString = false,
        };
        return app.Map(Route, branch =>
        {
            branch.Use(async (http, next) =>
            {
                if (gate.Refuse(http) is { } problem) await problem.ExecuteAsync(http);
                else await next(http);
            });
            // This process's own storage: the static one may be nobody's.
            branch.UseHangfireDashboard("", options, branch.ApplicationServices.GetRequiredService<JobStorage>());
        });
    }
}
