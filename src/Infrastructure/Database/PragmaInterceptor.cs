using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace ContinualService.Infrastructure.Database;

/// <summary>Settings that SQLite keeps per connection.</summary>
internal sealed class PragmaInterceptor : DbConnectionInterceptor
{
    public static readonly PragmaInterceptor Instance = new();

    // busy_timeout: writers of one file take turns instead of failing at once. synchronous NORMAL loses the last commits on power loss in WAL mode; FULL does not.
    private const string Pragmas = "PRAGMA busy_timeout = 30000; PRAGMA synchronous = FULL;";

    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        using var command = connection.CreateCommand();
        command.CommandText = Pragmas;
        command.ExecuteNonQuery();
    }

    public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = Pragmas;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
