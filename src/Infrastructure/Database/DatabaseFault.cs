using System.Data.Common;
using System.Net.Sockets;
using Npgsql;

namespace ContinualService.Infrastructure.Database;

/// <summary>Tells a database that is away for a while from a statement that is wrong.</summary>
public static class DatabaseFault
{
    /// <summary>Whether the fault, or what lies beneath it, is in the connection or in a server that starts, stops or has no room: the same may succeed later.</summary>
    public static bool IsTransient(Exception fault)
    {
        for (var at = fault; at is not null; at = at.InnerException)
            if (at is DbException { IsTransient: true } or NpgsqlException { InnerException: SocketException } || IsStopping(at))
                return true;
        return false;
    }

    /// <summary>Whether a text held a character that PostgreSQL does not take, which is NUL (U+0000) alone where all texts are Unicode. SQLite takes it.</summary>
    public static bool IsUnstorableText(Exception fault)
    {
        for (var at = fault; at is not null; at = at.InnerException)
            if (at is PostgresException { SqlState: PostgresErrorCodes.CharacterNotInRepertoire or PostgresErrorCodes.UntranslatableCharacter })
                return true;
        return false;
    }

    // The client does not count an ordered stop, or the crash of another connection's process, among what passes.
    private static bool IsStopping(Exception fault) =>
        fault is PostgresException { SqlState: PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow };
}
