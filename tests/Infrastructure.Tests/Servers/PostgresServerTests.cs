using ContinualService.TestKit.Servers;
using Npgsql;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Servers;

public sealed class PostgresServerTests
{
    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task CreateDatabase_OfTheSharedServer_IsEmptyAndOfItsOwn()
    {
        var server = await PostgresServer.SharedAsync();
        var (first, second) = (await server.CreateDatabaseAsync(_token), await server.CreateDatabaseAsync(_token));

        await ExecuteAsync(first, "create table kept (value int)");

        Assert.Equal(1L, await ExecuteAsync(first, "select count(*) from pg_tables where schemaname = 'public'"));
        Assert.Equal(0L, await ExecuteAsync(second, "select count(*) from pg_tables where schemaname = 'public'"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Restart_Server_KeepsWhatWasCommitted(bool immediate)
    {
        await using var server = await PostgresServer.StartNewAsync(durable: true);
        var database = await server.CreateDatabaseAsync(_token);
        await ExecuteAsync(database, "create table kept (value int); insert into kept values (7)");

        await server.StopAsync(immediate);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => ExecuteAsync(database, "select value from kept"));
        await server.StartAsync();

        Assert.Equal(7, await ExecuteAsync(database, "select value from kept"));
    }

    [Theory]
    [InlineData(false, "off")]
    [InlineData(true, "on")]
    public async Task Start_Durable_DecidesWhetherCommitsReachTheDisk(bool durable, string expected)
    {
        await using var server = await PostgresServer.StartNewAsync(durable);

        Assert.Equal(expected, await ExecuteAsync(await server.CreateDatabaseAsync(_token), "show fsync"));
    }

    [Fact]
    public async Task Dispose_RunningServer_LeavesNothing()
    {
        var server = await PostgresServer.StartNewAsync();
        var database = await server.CreateDatabaseAsync(_token);
        var folder = (string?)await ExecuteAsync(database, "show data_directory");
        Assert.True(Directory.Exists(folder));

        await server.DisposeAsync();

        Assert.False(Directory.Exists(Path.GetDirectoryName(folder)));
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => ExecuteAsync(database, "select 1"));
    }

    private async Task<object?> ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(database + ";Pooling=false");
        await connection.OpenAsync(_token);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(_token);
    }
}
