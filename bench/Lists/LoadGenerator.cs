using System.Diagnostics;
using System.Net.Http.Headers;

namespace ContinualService.Bench.Lists;

/// <summary>Sends requests from many clients at once. Each client has one connection that stays open, and one request on its way at a time.</summary>
public sealed class LoadGenerator : IDisposable
{
    private readonly ServiceUnderTest _service;
    private readonly DatabaseProcessors _database;
    private readonly List<HttpClient> _clients;

    public LoadGenerator(ServiceUnderTest service, DatabaseProcessors database, int clients)
    {
        (_service, _database) = (service, database);
        _clients = [.. Enumerable.Range(0, clients).Select(_ => new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1 }) { BaseAddress = service.Address })];
    }

    /// <summary>
    /// Requests at a fixed rate, whatever the answers take. A latency counts from the moment that the request was due: one that had to wait, because the answer
    /// before it was late, shows the wait.
    /// </summary>
    public Task<LoadResult> PacedAsync(ListRoute route, double rate, TimeSpan duration, CancellationToken cancellationToken) =>
        RunAsync(route, TimeSpan.FromSeconds(_clients.Count / rate), duration, cancellationToken);

    /// <summary>Every client sends its next request as soon as it has its answer.</summary>
    public Task<LoadResult> SaturatedAsync(ListRoute route, TimeSpan duration, CancellationToken cancellationToken) =>
        RunAsync(route, TimeSpan.Zero, duration, cancellationToken);

    public void Dispose() => _clients.ForEach(client => client.Dispose());

    private async Task<LoadResult> RunAsync(ListRoute route, TimeSpan period, TimeSpan duration, CancellationToken cancellationToken)
    {
        var (serviceBefore, databaseBefore) = (_service.ProcessorTime(), await _database.SecondsAsync(cancellationToken));
        var start = Stopwatch.GetTimestamp();
        var outcomes = await Task.WhenAll(_clients.Select((client, index) => Task.Run(
            () => ClientAsync(client, route, new Random(index + 1), start, period * index / _clients.Count, period, duration, cancellationToken), cancellationToken)));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new LoadResult(
            new Latencies(outcomes.SelectMany(outcome => outcome.Milliseconds)), outcomes.Sum(outcome => outcome.Errors), seconds,
            outcomes.Sum(outcome => outcome.Bytes), (_service.ProcessorTime() - serviceBefore).TotalSeconds,
            await _database.SecondsAsync(cancellationToken) - databaseBefore);
    }

    private static async Task<ClientOutcome> ClientAsync(
        HttpClient client, ListRoute route, Random random, long start, TimeSpan offset, TimeSpan period, TimeSpan duration, CancellationToken cancellationToken)
    {
        var outcome = new ClientOutcome();
        for (var sent = 0; ; sent++)
        {
            var now = Stopwatch.GetElapsedTime(start);
            var due = period == TimeSpan.Zero ? now : offset + (sent * period);
            if (due >= duration) return outcome;
            if (now < due) await Task.Delay(due - now, cancellationToken);

            var target = route.Next(random);
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(target.Path, UriKind.Relative));
            if (target.Key is { } key) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            try
            {
                using var response = await client.SendAsync(request, cancellationToken);
                outcome.Bytes += response.Content.Headers.ContentLength ?? 0;
                if (response.StatusCode == System.Net.HttpStatusCode.OK) outcome.Milliseconds.Add((Stopwatch.GetElapsedTime(start) - due).TotalMilliseconds);
                else outcome.Errors++;
            }
            catch (HttpRequestException)
            {
                outcome.Errors++; // The report says how many; the load goes on.
            }
        }
    }

    private sealed class ClientOutcome
    {
        public List<double> Milliseconds { get; } = [];

        public int Errors { get; set; }

        public long Bytes { get; set; }
    }
}
