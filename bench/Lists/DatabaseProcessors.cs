using System.Globalization;
using Npgsql;

namespace ContinualService.Bench.Lists;

/// <summary>Processor time of the PostgreSQL processes that serve connections on this machine.</summary>
public sealed class DatabaseProcessors(string connectionString) : IAsyncDisposable
{
    // The kernel counts in hundredths of a second, for every program.
    private const double TicksPerSecond = 100;
    private const int UserTime = 11;
    private const int SystemTime = 12;

    private readonly NpgsqlDataSource _source = NpgsqlDataSource.Create(connectionString);

    /// <summary>Seconds that the server's present connections took so far.</summary>
    public async Task<double> SecondsAsync(CancellationToken cancellationToken)
    {
        var seconds = 0.0;
        await using var command = _source.CreateCommand("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken)) seconds += Seconds(reader.GetInt32(0));
        return seconds;
    }

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private static double Seconds(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            // The name, in brackets, may hold spaces; the fields are counted behind it.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (double.Parse(fields[UserTime], CultureInfo.InvariantCulture) + double.Parse(fields[SystemTime], CultureInfo.InvariantCulture)) / TicksPerSecond;
        }
        catch (IOException)
        {
            return 0; // The connection was closed meanwhile.
        }
    }
}
