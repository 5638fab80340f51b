using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace ContinualService.TestKit.Servers;

/// <summary>
/// A throwaway PostgreSQL cluster on a free loopback port. It ends, and its folder is deleted, on disposal and when the test program ends in any way.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string Package = "postgresql";
    private const string Superuser = "app";
    private const int StartAttempts = 3;
    private static readonly string[] UnsafeButFast = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"];
    // PostgreSQL refuses to run as root; 65534 is "nobody" everywhere.
    private static readonly string[] AsNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    private static readonly Lazy<Task<PostgresServer>> SharedServer = new(() => StartNewAsync());

    // QUIT is PostgreSQL's immediate shutdown: it also takes its shared memory along, which KILL would leave.
    private readonly ServerFolder _folder = new("continual-postgresql-", "QUIT");
    private readonly bool _durable;
    private Process? _server;

    private PostgresServer(bool durable) => _durable = durable;

    public int Port { get; private set; }

    /// <summary>What the server prints; it goes with the server.</summary>
    public string LogFile => Path.Combine(_folder.Path, "postgres.log");

    private string DataFolder => Path.Combine(_folder.Path, "data");

    /// <summary>One server for all tests of this program, started at the first call; it ends with the program. Tests that stop a server start their own.</summary>
    public static Task<PostgresServer> SharedAsync() => SharedServer.Value;

    /// <summary>Starts a server of the caller's own.</summary>
    /// <param name="durable">True: what is committed is on the disk, as in production, for tests that crash the server. False: faster.</param>
    /// <exception cref="FileNotFoundException">PostgreSQL is not installed; the message says what to install.</exception>
    /// <exception cref="InvalidOperationException">It does not start; the message holds what it printed last.</exception>
    public static async Task<PostgresServer> StartNewAsync(bool durable = false)
    {
        var server = new PostgresServer(durable);
        try
        {
            await server.MakeClusterAsync();
            for (var attempt = 1; ; attempt++)
            {
                server.Port = FreePort.Next();
                try
                {
                    await server.StartAsync();
                    return server;
                }
                catch (InvalidOperationException) when (attempt < StartAttempts)
                {
                    // Another program may have taken the port in between: the next attempt uses another one.
                }
            }
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes an empty database of a new name and returns its connection string.</summary>
    public async Task<string> CreateDatabaseAsync(CancellationToken cancellationToken = default)
    {
        var name = "t" + Guid.NewGuid().ToString("N");
        await using var connection = new NpgsqlConnection(ConnectionString("postgres"));
        await connection.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = $"create database {name}";
        await command.ExecuteNonQueryAsync(cancellationToken);
        return ConnectionString(name);
    }

    /// <summary>Ends the server. Its port and its data stay for the next <see cref="StartAsync"/>.</summary>
    /// <param name="immediate">True: as in a crash, nothing is written any more, and the next start recovers.</param>
    public async Task StopAsync(bool immediate = false)
    {
        if (_server is null) return;
        await ServerFolder.EndAsync(_server, immediate ? "QUIT" : "INT");
        _server.Dispose();
        _server = null;
    }

    /// <summary>Starts the stopped server and returns when it takes connections.</summary>
    /// <exception cref="InvalidOperationException">It did not start; the message holds what it printed last.</exception>
    public async Task StartAsync()
    {
        string[] options =
        [
            "-D", DataFolder, "-p", Port.ToString(CultureInfo.InvariantCulture), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            "-c", "max_connections=300", .. _durable ? [] : UnsafeButFast,
        ];
        _server = _folder.Start("postgres", [.. Prefix(), Program("postgres"), .. options]);
        await _folder.WaitUntilReadyAsync("postgres", _server, IsReadyAsync);
    }

    public async Task RestartAsync(bool immediate = false)
    {
        await StopAsync(immediate);
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(immediate: true);
        await _folder.DisposeAsync();
    }

    private static string Program(string name) => InstalledProgram.Find(name, Package, VersionFolders());

    private static IEnumerable<string> VersionFolders() =>
        Directory.Exists("/usr/lib/postgresql") ? Directory.EnumerateDirectories("/usr/lib/postgresql").OrderDescending().Select(version => Path.Combine(version, "bin")) : [];

    private static string[] Prefix() => Environment.IsPrivilegedProcess ? AsNobody : [];

    private async Task MakeClusterAsync()
    {
        var initdb = Program("initdb");
        if (Environment.IsPrivilegedProcess) await _folder.RunAsync("chown", "chown", "65534:65534", _folder.Path);
        await _folder.RunAsync("initdb", [.. Prefix(), initdb, "-D", DataFolder, "-A", "trust", "-U", Superuser, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
            await connection.OpenAsync(cancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = "show data_directory";
            // Another program's server may have taken the port a moment earlier.
            return (string?)await command.ExecuteScalarAsync(cancellationToken) == DataFolder;
        }
        catch (NpgsqlException)
        {
            return false; // Not yet.
        }
    }

    // Few idle connections per database: every test has one of its own, and the server's places are for all of them.
    private string ConnectionString(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = Port,
        Username = Superuser,
        Database = database,
        IncludeErrorDetail = true,
        MaxPoolSize = 20,
        ConnectionIdleLifetime = 10,
        ConnectionPruningInterval = 5,
    }.ConnectionString;
}
