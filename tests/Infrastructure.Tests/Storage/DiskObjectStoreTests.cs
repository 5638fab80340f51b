using ContinualService.Infrastructure.Storage;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Storage;

public sealed class DiskObjectStoreTests : ObjectStoreContract, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly DiskObjectStore _store;

    public DiskObjectStoreTests() => _store = new DiskObjectStore(_folder.Path);

    public void Dispose() => _folder.Dispose();

    protected override Task<IObjectStore> OpenAsync() => Task.FromResult<IObjectStore>(_store);

    protected override Task ReplaceAsync(string sha256, byte[] bytes) => File.WriteAllBytesAsync(_store.LocalPath(sha256)!, bytes, Token);

    [Fact]
    public async Task Put_Bytes_AreAFileThatOthersMayMap()
    {
        var stored = await _store.PutIfAbsentAsync(new MemoryStream(Bytes(1000)), Token);

        Assert.Equal(Bytes(1000), await File.ReadAllBytesAsync(_store.LocalPath(stored.Sha256)!, Token));
    }

    [Fact]
    public async Task Put_Refused_LeavesNoFile()
    {
        await Assert.ThrowsAsync<ObjectDamagedException>(() => _store.PutAsync(new MemoryStream(Bytes(10)), new string('a', 64), Token));

        Assert.Empty(Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Put_OfAnOldObject_RenewsItsAge()
    {
        var stored = await _store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);
        File.SetLastWriteTimeUtc(_store.LocalPath(stored.Sha256)!, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-3));

        await _store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);

        var found = await _store.StatAsync(stored.Sha256, Token);
        Assert.InRange(TimeProvider.System.GetUtcNow() - found!.LastModified, TimeSpan.Zero, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Check_FolderIsGone_Throws()
    {
        await _store.CheckAsync(Token);
        Assert.Empty(Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories));
        Directory.Delete(Path.Combine(_folder.Path, "incoming"));

        await Assert.ThrowsAnyAsync<IOException>(() => _store.CheckAsync(Token));
    }

    [Fact]
    public void Start_AbandonedTemporaryFile_IsDeletedAndAYoungOneKept()
    {
        var incoming = Path.Combine(_folder.Path, "incoming");
        var (old, young) = (Path.Combine(incoming, "a.tmp"), Path.Combine(incoming, "b.tmp"));
        File.WriteAllText(old, "");
        File.WriteAllText(young, "");
        var now = TimeProvider.System.GetUtcNow();
        File.SetLastWriteTimeUtc(old, now.UtcDateTime.AddHours(-2));

        _ = new DiskObjectStore(_folder.Path, new FakeTimeProvider(now));

        Assert.False(File.Exists(old));
        Assert.True(File.Exists(young));
    }
}
