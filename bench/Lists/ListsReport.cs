using System.Globalization;
using System.Text;

namespace ContinualService.Bench.Lists;

/// <summary>The benchmark's outcome as Markdown: what was measured and how, two tables, and the plans.</summary>
public static class ListsReport
{
    /// <summary>What the paced load is held to, in milliseconds.</summary>
    public const double MedianLimit = 20;

    /// <inheritdoc cref="MedianLimit"/>
    public const double NinetyNinthLimit = 100;

    /// <summary>Whether the route, under the paced load, kept to the limits and answered everything.</summary>
    public static bool Keeps(RouteResult result) =>
        result.Paced.Errors == 0 && result.Paced.Latencies.Median < MedianLimit && result.Paced.Latencies.Percentile(99) < NinetyNinthLimit;

    /// <param name="settings">As it ran.</param>
    /// <param name="machine">Lines about machine and server, as <c>name: value</c>.</param>
    /// <param name="rows">Table and number of its rows.</param>
    /// <param name="results">In the order of measurement.</param>
    public static string Markdown(ListsSettings settings, IEnumerable<string> machine, IEnumerable<(string Table, long Rows)> rows, IReadOnlyList<RouteResult> results)
    {
        var text = new StringBuilder("# List routes over a large database\n\n");
        text.Append("    ").Append(settings.Command()).Append("\n\n");
        foreach (var line in machine) text.Append("- ").Append(line).Append('\n');
        text.Append(Invariant($"- rows: {string.Join(", ", rows.Select(row => Invariant($"{row.Table} {row.Rows:N0}")))}\n\n"));
        text.Append(Invariant($"""
            Service, PostgreSQL and the {settings.Clients} clients share the machine. Each client keeps one connection open and has one request on its way at a time; tenant, cursor and
            object change with every request, and the larger a tenant, the more of the requests are its own. Latencies are in milliseconds. The first line is a route that does nothing:
            what any request costs here.


            """));
        Paced(text, settings, results);
        if (settings.SaturationSeconds > 0) Saturated(text, settings, results);
        Plans(text, results);
        return text.ToString();
    }

    private static void Paced(StringBuilder text, ListsSettings settings, IReadOnlyList<RouteResult> results)
    {
        text.Append(Invariant($"""
            ## Paced: {settings.Rate} requests a second in all, {settings.Seconds} s per route

            A latency counts from the moment that the request was due by the clock, so a late answer also shows in the requests that it held up.
            Limits: median {MedianLimit} ms, p99 {NinetyNinthLimit} ms.

            | route | requests | errors | median | p95 | p99 | largest | limits |
            |---|---|---|---|---|---|---|---|

            """));
        foreach (var result in results)
        {
            var (latencies, errors) = (result.Paced.Latencies, result.Paced.Errors);
            text.Append(Invariant($"| {result.Route.Name} | {latencies.Count} | {errors} | {latencies.Median:F1} | {latencies.Percentile(95):F1} | {latencies.Percentile(99):F1} | {latencies.Percentile(100):F1} | {(result.Route.IsFloor ? "" : Keeps(result) ? "kept" : "MISSED")} |\n"));
        }

        text.Append('\n');
    }

    private static void Saturated(StringBuilder text, ListsSettings settings, IReadOnlyList<RouteResult> results)
    {
        text.Append(Invariant($"""
            ## Saturated: every client asks again at once, {settings.SaturationSeconds} s per route

            This measures how much the machine can do, load generator included: with {settings.Clients} requests always under way, the median is about {settings.Clients} divided by the rate.
            The two last columns are the processor time of an answer, in the service and in PostgreSQL.

            | route | answers/s | of the floor's | errors | median | p95 | p99 | KiB an answer | service ms | PostgreSQL ms |
            |---|---|---|---|---|---|---|---|---|---|

            """));
        var floor = results.First(result => result.Route.IsFloor).Saturated!.Rate;
        foreach (var (route, load) in results.Select(result => (result.Route, Load: result.Saturated!)))
        {
            text.Append(Invariant($"| {route.Name} | {load.Rate:F0} | {load.Rate / floor:P0} | {load.Errors} | {load.Latencies.Median:F1} | {load.Latencies.Percentile(95):F1} | {load.Latencies.Percentile(99):F1} | {load.Bytes / 1024.0 / load.Latencies.Count:F1} | {load.ServiceMilliseconds:F2} | {load.DatabaseMilliseconds:F2} |\n"));
        }

        text.Append('\n');
    }

    private static void Plans(StringBuilder text, IReadOnlyList<RouteResult> results)
    {
        text.Append("## Query plans\n\nWhat the server did for one request of the running service (auto_explain, ANALYZE, BUFFERS), after eight requests of the same kind.\n\n");
        foreach (var result in results.Where(result => result.Plans.Count > 0))
        {
            text.Append(Invariant($"### {result.Route.Name}\n\n"));
            foreach (var plan in result.Plans) text.Append("```\n").Append(plan).Append("```\n\n");
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
