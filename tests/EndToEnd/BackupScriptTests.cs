using System.Text;
using ContinualService.Infrastructure.Storage;
using ContinualService.TestKit.Servers;
using Npgsql;
using Xunit;

namespace ContinualService.EndToEnd;

/// <summary>What deploy/backup.sh finds and refuses, on a database with one row of each kind that it looks at.</summary>
public sealed class BackupScriptTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("backup-script-").FullName;
    private readonly List<S3ObjectStore> _stores = [];
    private PostgresServer _postgres = null!;
    private S3Server _s3 = null!;
    private string _database = "";
    private string _bucket = "";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Backup => Path.Combine(_folder, "backup");

    public async ValueTask InitializeAsync()
    {
        (_postgres, _s3) = (await PostgresServer.SharedAsync(), await S3Server.SharedAsync());
        (_database, _bucket) = (await _postgres.CreateDatabaseAsync(Token), await _s3.CreateBucketAsync(Token));
        await ExecuteAsync("""create table "Checkpoints" ("TaskId" text primary key, "Sha256" text not null)""");
    }

    public ValueTask DisposeAsync()
    {
        foreach (var store in _stores) store.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Restore_CheckpointThatTheBackupLacks_IsForgottenAndOthersKept()
    {
        var kept = await PutAsync(_bucket, "kept");
        await ExecuteAsync($"insert into \"Checkpoints\" values ('task_kept', '{kept}'), ('task_lost', '{new string('0', 64)}')");
        await Script().SucceedAsync("take", Backup);
        var (database, bucket) = (await _postgres.CreateDatabaseAsync(Token), _bucket + "-new");

        await Script(database, bucket).SucceedAsync("restore", Backup);

        await using var source = NpgsqlDataSource.Create(database);
        await using var read = source.CreateCommand("""select string_agg("TaskId", ',') from "Checkpoints" """);
        Assert.Equal("task_kept", await read.ExecuteScalarAsync(Token));
        Assert.NotNull(await Store(bucket).StatAsync(kept, Token));
    }

    [Fact]
    public async Task Check_AlteredObject_NamesIt()
    {
        var object1 = await PutAsync(_bucket, "one");
        await Script().SucceedAsync("take", Backup);
        await File.WriteAllTextAsync(PathOf(object1), "two", Token);

        Assert.Contains(object1, await Script().FailAsync("check", Backup), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_MissingObject_NamesIt()
    {
        var object1 = await PutAsync(_bucket, "one");
        await Script().SucceedAsync("take", Backup);
        File.Delete(PathOf(object1));

        Assert.Contains(object1, await Script().FailAsync("check", Backup), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Take_ObjectAlteredInTheBucket_FailsAndLeavesNoBackup()
    {
        var object1 = await PutAsync(_bucket, "one");
        await _s3.OverwriteAsync(_bucket, $"objects/{object1[..2]}/{object1}", Encoding.UTF8.GetBytes("two"), Token);

        Assert.Contains(object1, await Script().FailAsync("take", Backup), StringComparison.Ordinal);
        Assert.Contains("no finished backup", await Script().FailAsync("restore", Backup), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Take_LongerThanTheCollectorSpares_Fails() =>
        Assert.Contains("CollectAfterHours", await Script(collectAfterHours: "0.0").FailAsync("take", Backup), StringComparison.Ordinal);

    [Fact]
    public async Task Take_AfterAPreviousBackup_LinksItsObjectsAndDropsTheCollected()
    {
        var (stays, goes) = (await PutAsync(_bucket, "stays"), await PutAsync(_bucket, "goes"));
        await Script().SucceedAsync("take", Backup);
        await Store(_bucket).DeleteAsync(goes, Token);
        var next = Path.Combine(_folder, "next");
        // Bytes of the same length in the place of the object: only a link can carry them over, and reading again finds them.
        await File.WriteAllTextAsync(PathOf(stays), "STAYS", Token);

        Assert.Contains(stays, await Script().FailAsync("take", next, Backup), StringComparison.Ordinal);

        Assert.False(File.Exists(PathOf(goes, next)));
        Assert.True(File.Exists(PathOf(goes)));
    }

    [Fact]
    public async Task Restore_IntoAUsedDatabase_IsRefused()
    {
        await Script().SucceedAsync("take", Backup);

        Assert.Contains("not empty", await Script(bucket: _bucket + "-new").FailAsync("restore", Backup), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restore_IntoAnotherServicesBucket_IsRefused()
    {
        await Script().SucceedAsync("take", Backup);
        var used = await _s3.CreateBucketAsync(Token);
        await PutAsync(used, "of another service");

        Assert.Contains("must not share", await Script(await _postgres.CreateDatabaseAsync(Token), used).FailAsync("restore", Backup), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restore_Interrupted_CanBeRepeated()
    {
        var object1 = await PutAsync(_bucket, "one");
        await Script().SucceedAsync("take", Backup);
        var (database, bucket) = (await _postgres.CreateDatabaseAsync(Token), await _s3.CreateBucketAsync(Token));
        await PutAsync(bucket, "one");

        await Script(database, bucket).SucceedAsync("restore", Backup);

        Assert.NotNull(await Store(bucket).StatAsync(object1, Token));
    }

    [Fact]
    public async Task RestoreObjects_BucketLost_BringsThemBack()
    {
        var object1 = await PutAsync(_bucket, "one");
        await Script().SucceedAsync("take", Backup);
        var bucket = _bucket + "-made-anew";

        await Script(bucket: bucket).SucceedAsync("restore-objects", Backup);

        await ReadAsync(bucket, object1);
    }

    [Fact]
    public async Task RestoreObjects_Named_ReplacesAlteredBytesOfTheSameLength()
    {
        var object1 = await PutAsync(_bucket, "one");
        await Script().SucceedAsync("take", Backup);
        await _s3.OverwriteAsync(_bucket, $"objects/{object1[..2]}/{object1}", Encoding.UTF8.GetBytes("two"), Token);

        await Script().SucceedAsync("restore-objects", Backup, object1);

        await ReadAsync(_bucket, object1);
    }

    [Fact]
    public async Task Take_WrongKeys_SaysThatTheStoreRefuses() =>
        Assert.Contains("refuses the keys", await new BackupScript(_database, _s3.Endpoint, _bucket, _s3.AccessKey, "wrong").FailAsync("take", Backup), StringComparison.Ordinal);

    [Fact]
    public async Task Take_ConnectionStringWithoutDatabase_SaysWhatToName() =>
        Assert.Contains("must name Host and Database", await Script("Host=127.0.0.1").FailAsync("take", Backup), StringComparison.Ordinal);

    private BackupScript Script(string? database = null, string? bucket = null, string? collectAfterHours = null) =>
        new(database ?? _database, _s3.Endpoint, bucket ?? _bucket, _s3.AccessKey, _s3.SecretKey)
        {
            Variables = collectAfterHours is null ? [] : new Dictionary<string, string> { ["Storage__CollectAfterHours"] = collectAfterHours },
        };

    private string PathOf(string sha256, string? backup = null) => Path.Combine(backup ?? Backup, "objects", sha256[..2], sha256);

    private S3ObjectStore Store(string bucket)
    {
        var options = new S3Options { Endpoint = _s3.Endpoint, Bucket = bucket, AccessKey = _s3.AccessKey, SecretKey = _s3.SecretKey };
        var store = new S3ObjectStore(options, Path.Combine(_folder, "incoming"));
        _stores.Add(store);
        return store;
    }

    private async Task<string> PutAsync(string bucket, string text) => (await Store(bucket).PutIfAbsentAsync(new MemoryStream(Encoding.UTF8.GetBytes(text)), Token)).Sha256;

    // Reading checks the bytes against the name.
    private async Task ReadAsync(string bucket, string sha256)
    {
        await using var stream = await Store(bucket).OpenReadAsync(sha256, Token);
        await stream.CopyToAsync(Stream.Null, Token);
    }

    private async Task ExecuteAsync(string statement)
    {
        await using var source = NpgsqlDataSource.Create(_database);
        await using var command = source.CreateCommand(statement);
        await command.ExecuteNonQueryAsync(Token);
    }
}
