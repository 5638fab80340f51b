using System.Text;
using System.Text.RegularExpressions;
using Npgsql;

namespace ContinualService.Bench.Lists;

/// <summary>
/// The plans of the statements that the running service sends, as the server itself writes them down (auto_explain with ANALYZE and BUFFERS): the true
/// statements with the parameters of real requests, not copies.
/// </summary>
public static partial class PlanCapture
{
    // After five uses PostgreSQL may go over from a plan for these parameters to one for all: what is shown must be what a service that has run for a while gets.
    private const int RequestsBefore = 8;

    /// <summary>The connection string, with the server told to explain every statement of the connection.</summary>
    public static string Explained(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString)
    {
        Options = "-c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0 -c auto_explain.log_analyze=on -c auto_explain.log_buffers=on",
    }.ConnectionString;

    /// <summary>Sends the route's requests to a service on an <see cref="Explained"/> connection, and returns what the last one made the server do.</summary>
    /// <param name="serverLog">The server's log; it is written before a statement's answer is.</param>
    public static async Task<IReadOnlyList<string>> PlansOfAsync(ListRoute route, HttpClient client, string serverLog, CancellationToken cancellationToken)
    {
        var random = new Random(7);
        for (var sent = 0; sent < RequestsBefore; sent++) await SendAsync(client, route.Next(random), cancellationToken);
        var begin = new FileInfo(serverLog).Length;
        await SendAsync(client, route.Next(random), cancellationToken);
        await using var file = new FileStream(serverLog, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Position = begin;
        using var reader = new StreamReader(file);
        return Parse(await reader.ReadToEndAsync(cancellationToken));
    }

    /// <summary>The plans in a piece of the server's log, each with its statement first.</summary>
    public static IReadOnlyList<string> Parse(string log)
    {
        var plans = new List<string>();
        StringBuilder? plan = null;
        foreach (var line in log.Split('\n'))
        {
            if (PlanLine().Match(line) is { Success: true } found)
            {
                End();
                plan = new StringBuilder().Append("-- ").Append(found.Groups[1].Value).Append('\n');
            }
            else if (line.StartsWith('\t'))
            {
                plan?.Append(line.AsSpan(1)).Append('\n');
            }
            else
            {
                End();
            }
        }

        End();
        return plans;

        void End()
        {
            if (plan is not null) plans.Add(plan.ToString());
            plan = null;
        }
    }

    private static async Task SendAsync(HttpClient client, Target target, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(target.Path, UriKind.Relative));
        if (target.Key is { } key) request.Headers.Add("X-Api-Key", key);
        using var response = await client.SendAsync(request, cancellationToken);
        response.EnsureSuccessStatusCode();
    }

    [GeneratedRegex(@"LOG:  (duration: [\d.]+ ms)  plan:$")]
    private static partial Regex PlanLine();
}
