using System.Runtime.InteropServices;
using ContinualService.Infrastructure.Database;
using ContinualService.TestKit.Servers;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ContinualService.Bench.Lists;

/// <summary>The benchmark of the list routes, from an empty database to the report:
/// <list type="number">
/// <item>Start a PostgreSQL server, make the tables with the service's own <c>prepare</c>, fill them.</item>
/// <item>Collect the plans from a service whose connections are explained.</item>
/// <item>Start the service as in production and measure route by route, the floor first and last.</item>
/// <item>Write the report.</item>
/// </list></summary>
public static class ListsCommand
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);

    /// <returns>0: every route kept to the limits; 1: one did not.</returns>
    public static async Task<int> RunAsync(Arguments arguments)
    {
        var settings = ListsSettings.Parse(arguments);
        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, press) =>
        {
            press.Cancel = true;
            stop.Cancel();
        };
        var folder = Directory.CreateTempSubdirectory("continual-lists-").FullName;
        try
        {
            return await RunAsync(settings, folder, stop.Token);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<int> RunAsync(ListsSettings settings, string folder, CancellationToken cancellationToken)
    {
        var loadBefore = await LoadAverageAsync(cancellationToken);

        // Step 1: server and rows.
        await using var server = await PostgresServer.StartNewAsync(durable: true);
        var connection = Plain(await server.CreateDatabaseAsync(cancellationToken));
        await ServiceUnderTest.PrepareAsync(connection, folder);
        Console.WriteLine($"Filling the database: {settings.Tasks:N0} tasks, {settings.Versions:N0} versions ...");
        var sample = new SampleService(settings);
        var (rows, version) = await FillAsync(connection, sample, cancellationToken);
        var routes = new ListRoutes(sample).All().Where(route => route.IsFloor || settings.Routes is null || route.Name.Contains(settings.Routes, StringComparison.Ordinal)).ToList();

        // Step 2: plans.
        Console.WriteLine("Collecting the query plans ...");
        var plans = new Dictionary<ListRoute, IReadOnlyList<string>>();
        await using (var explained = await ServiceUnderTest.StartAsync(PlanCapture.Explained(connection), folder))
        {
            using var client = new HttpClient { BaseAddress = explained.Address };
            foreach (var route in routes) plans[route] = await PlanCapture.PlansOfAsync(route, client, server.LogFile, cancellationToken);
        }

        // Step 3: measure.
        var results = new List<RouteResult>();
        await using (var service = await ServiceUnderTest.StartAsync(connection, folder))
        {
            await using var processors = new DatabaseProcessors(connection);
            using var load = new LoadGenerator(service, processors, settings.Clients);
            // Compiled code, pooled connections and a full buffer cache are a running service's usual state.
            foreach (var route in routes) await load.SaturatedAsync(route, WarmUp, cancellationToken);
            foreach (var route in routes.Append(ListRoutes.Floor))
            {
                var paced = await load.PacedAsync(route, settings.Rate, TimeSpan.FromSeconds(settings.Seconds), cancellationToken);
                var saturated = settings.SaturationSeconds > 0 ? await load.SaturatedAsync(route, TimeSpan.FromSeconds(settings.SaturationSeconds), cancellationToken) : null;
                var result = new RouteResult(route, paced, saturated, results.Exists(earlier => earlier.Route == route) ? [] : plans[route]);
                results.Add(result);
                Console.WriteLine(FormattableString.Invariant(
                    $"{route.Name,-46} median {paced.Latencies.Median,6:F1}  p99 {paced.Latencies.Percentile(99),6:F1}  errors {paced.Errors}  saturated {saturated?.Rate,6:F0}/s  service {saturated?.ServiceMilliseconds:F2} ms  database {saturated?.DatabaseMilliseconds:F2} ms"));
            }
        }

        // Step 4: report.
        string[] machine =
        [
            $"machine: {Environment.ProcessorCount} processors ({await ProcessorNameAsync(cancellationToken)})",
            $"load average when it began {loadBefore}, when it ended {await LoadAverageAsync(cancellationToken)}",
            $"software: {RuntimeInformation.FrameworkDescription}, {version}, its configuration as installed",
        ];
        var report = ListsReport.Markdown(settings, machine, rows, results);
        if (Path.GetDirectoryName(settings.ReportFile) is { Length: > 0 } parent) Directory.CreateDirectory(parent);
        await File.WriteAllTextAsync(settings.ReportFile, report, cancellationToken);
        Console.WriteLine($"Saved: {settings.ReportFile}");
        return results.TrueForAll(result => result.Route.IsFloor || ListsReport.Keeps(result)) ? 0 : 1;
    }

    /// <summary>As an operator writes it: the test servers' own pool is small and quick to close, for many small tests beside each other.</summary>
    private static string Plain(string connectionString)
    {
        var given = new NpgsqlConnectionStringBuilder(connectionString);
        return new NpgsqlConnectionStringBuilder { Host = given.Host, Port = given.Port, Username = given.Username, Database = given.Database }.ConnectionString;
    }

    private static async Task<(IReadOnlyList<(string Table, long Rows)> Rows, string Version)> FillAsync(string connection, SampleService sample, CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        var options = new DbContextOptionsBuilder<ServiceDbContext>();
        options.UsePostgreSqlDatabase(source);
        await using var database = new ServiceDbContext(options.Options);
        await sample.WriteAsync(database, cancellationToken);
        // What autovacuum does within minutes.
        await using (var vacuum = source.CreateCommand("VACUUM ANALYZE")) await vacuum.ExecuteNonQueryAsync(cancellationToken);
        var rows = new List<(string, long)>();
        await using (var count = source.CreateCommand("SELECT relname, n_live_tup FROM pg_stat_user_tables WHERE schemaname = 'public' AND n_live_tup > 0 ORDER BY n_live_tup DESC"))
        await using (var reader = await count.ExecuteReaderAsync(cancellationToken))
            while (await reader.ReadAsync(cancellationToken)) rows.Add((reader.GetString(0), reader.GetInt64(1)));
        await using var version = source.CreateCommand("SELECT 'PostgreSQL ' || current_setting('server_version')");
        return (rows, (string)(await version.ExecuteScalarAsync(cancellationToken))!);
    }

    private static async Task<string> LoadAverageAsync(CancellationToken cancellationToken) =>
        (await File.ReadAllTextAsync("/proc/loadavg", cancellationToken)).Split(' ')[0];

    private static async Task<string> ProcessorNameAsync(CancellationToken cancellationToken) =>
        (await File.ReadAllLinesAsync("/proc/cpuinfo", cancellationToken)).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown";
}
