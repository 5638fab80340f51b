using System.Security.Cryptography;
using ContinualService.Infrastructure.Storage;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Storage;

public sealed class DiskObjectStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly DiskObjectStore _store;
    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public DiskObjectStoreTests() => _store = new DiskObjectStore(_folder.Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Put_Bytes_AreReadBackUnderTheirHash()
    {
        var bytes = Bytes(200_000);

        var stored = await _store.PutIfAbsentAsync(new MemoryStream(bytes), _token);

        Assert.Equal(new StoredObject(Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.Length), stored);
        Assert.True(await _store.ExistsAsync(stored.Sha256, _token));
        Assert.Equal(bytes, await ReadAsync(stored.Sha256));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(_store.LocalPath(stored.Sha256)!, _token));
    }

    [Fact]
    public async Task Put_Empty_IsAnObjectToo()
    {
        var stored = await _store.PutIfAbsentAsync(Stream.Null, _token);

        Assert.Equal(0, stored.SizeBytes);
        Assert.Empty(await ReadAsync(stored.Sha256));
    }

    [Fact]
    public async Task Put_OtherBytesThanExpected_StoresNothing()
    {
        var expected = new string('a', 64);

        await Assert.ThrowsAsync<ObjectDamagedException>(() => _store.PutAsync(new MemoryStream(Bytes(10)), expected, _token));

        Assert.False(await _store.ExistsAsync(expected, _token));
        Assert.Empty(Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Put_ManyAtOnceUnderOneKey_LeaveOneWholeObject()
    {
        var bytes = Bytes(100_000);

        var stored = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => _store.PutIfAbsentAsync(new MemoryStream(bytes), _token), _token)));

        Assert.Single(stored.Distinct());
        Assert.Single(Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories));
        Assert.Equal(bytes, await ReadAsync(stored[0].Sha256));
    }

    [Fact]
    public async Task Read_AlteredByte_Throws()
    {
        var stored = await _store.PutIfAbsentAsync(new MemoryStream(Bytes(100_000)), _token);
        Damage(stored.Sha256, file => file[50_000] ^= 1);

        var error = await Assert.ThrowsAsync<ObjectDamagedException>(() => ReadAsync(stored.Sha256));

        Assert.Contains(stored.Sha256, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_ExactlyItsLengthOfADamagedObject_ThrowsToo()
    {
        var stored = await _store.PutIfAbsentAsync(new MemoryStream(Bytes(1000)), _token);
        Damage(stored.Sha256, file => file[0] ^= 1);
        using var stream = _store.OpenRead(stored.Sha256);

        Assert.Throws<ObjectDamagedException>(() => stream.ReadExactly(new byte[1000]));
    }

    [Fact]
    public async Task Read_TruncatedObject_Throws()
    {
        var stored = await _store.PutIfAbsentAsync(new MemoryStream(Bytes(1000)), _token);
        using (var file = new FileStream(_store.LocalPath(stored.Sha256)!, FileMode.Open)) file.SetLength(999);

        await Assert.ThrowsAsync<ObjectDamagedException>(() => ReadAsync(stored.Sha256));
    }

    [Fact]
    public async Task Put_OverATruncatedObject_MendsIt()
    {
        var bytes = Bytes(1000);
        var stored = await _store.PutIfAbsentAsync(new MemoryStream(bytes), _token);
        using (var file = new FileStream(_store.LocalPath(stored.Sha256)!, FileMode.Open)) file.SetLength(10);

        await _store.PutIfAbsentAsync(new MemoryStream(bytes), _token);

        Assert.Equal(bytes, await ReadAsync(stored.Sha256));
    }

    [Fact]
    public void OpenRead_Missing_Throws() => Assert.Throws<ObjectDamagedException>(() => _store.OpenRead(new string('0', 64)));

    [Theory]
    [InlineData("../../../etc/passwd")]
    [InlineData("")]
    [InlineData("ABCDEF0000000000000000000000000000000000000000000000000000000000")]
    public void OpenRead_NoHash_IsRefused(string key) => Assert.Throws<ArgumentException>(() => _store.OpenRead(key));

    [Fact]
    public async Task Delete_Object_IsGoneAndMayBeDeletedAgain()
    {
        var stored = await _store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), _token);

        await _store.DeleteAsync(stored.Sha256, _token);
        await _store.DeleteAsync(stored.Sha256, _token);

        Assert.False(await _store.ExistsAsync(stored.Sha256, _token));
        Assert.Null(_store.LocalPath(stored.Sha256));
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

    private static byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        new Random(7).NextBytes(bytes);
        return bytes;
    }

    private async Task<byte[]> ReadAsync(string sha256)
    {
        await using var stream = _store.OpenRead(sha256);
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy, _token);
        return copy.ToArray();
    }

    private void Damage(string sha256, Action<byte[]> change)
    {
        var path = _store.LocalPath(sha256)!;
        var bytes = File.ReadAllBytes(path);
        change(bytes);
        File.WriteAllBytes(path, bytes);
    }
}
