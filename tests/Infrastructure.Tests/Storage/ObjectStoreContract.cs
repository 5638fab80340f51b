using System.Security.Cryptography;
using ContinualService.Infrastructure.Storage;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Storage;

/// <summary>What every object store must do.</summary>
public abstract class ObjectStoreContract
{
    private static readonly string Absent = new('0', 64);

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A new and empty store.</summary>
    protected abstract Task<IObjectStore> OpenAsync();

    /// <summary>Puts other bytes in the place of an object, behind the store's back.</summary>
    protected abstract Task ReplaceAsync(string sha256, byte[] bytes);

    [Fact]
    public async Task Put_Bytes_AreReadBackUnderTheirHash()
    {
        var store = await OpenAsync();
        var bytes = Bytes(200_000);

        var stored = await store.PutIfAbsentAsync(new MemoryStream(bytes), Token);

        Assert.Equal(new StoredObject(Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.Length), stored);
        Assert.Equal(bytes, await ReadAsync(store, stored.Sha256));
    }

    [Fact]
    public async Task Put_BytesOfTheExpectedHash_AreStored()
    {
        var store = await OpenAsync();
        var bytes = Bytes(100);

        var stored = await store.PutAsync(new MemoryStream(bytes), Convert.ToHexStringLower(SHA256.HashData(bytes)), Token);

        Assert.Equal(bytes, await ReadAsync(store, stored.Sha256));
    }

    [Fact]
    public async Task Put_Empty_IsAnObjectToo()
    {
        var store = await OpenAsync();

        var stored = await store.PutIfAbsentAsync(Stream.Null, Token);

        Assert.Equal(0, stored.SizeBytes);
        Assert.Empty(await ReadAsync(store, stored.Sha256));
    }

    [Fact]
    public async Task Put_OtherBytesThanExpected_StoresNothing()
    {
        var store = await OpenAsync();

        await Assert.ThrowsAsync<ObjectDamagedException>(() => store.PutAsync(new MemoryStream(Bytes(10)), Absent, Token));

        Assert.Empty(await store.ListAsync(Token).ToListAsync(Token));
    }

    [Fact]
    public async Task Put_ManyAtOnceUnderOneKey_AllSucceedAndLeaveOneWholeObject()
    {
        var store = await OpenAsync();
        var bytes = Bytes(100_000);

        var stored = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => store.PutIfAbsentAsync(new MemoryStream(bytes), Token), Token)));

        Assert.Single(stored.Distinct());
        Assert.Single(await store.ListAsync(Token).ToListAsync(Token));
        Assert.Equal(bytes, await ReadAsync(store, stored[0].Sha256));
    }

    [Fact]
    public async Task Put_OverATruncatedObject_MendsIt()
    {
        var store = await OpenAsync();
        var bytes = Bytes(1000);
        var stored = await store.PutIfAbsentAsync(new MemoryStream(bytes), Token);
        await ReplaceAsync(stored.Sha256, bytes[..10]);

        await store.PutIfAbsentAsync(new MemoryStream(bytes), Token);

        Assert.Equal(bytes, await ReadAsync(store, stored.Sha256));
    }

    [Fact]
    public async Task Read_AlteredByte_ThrowsNamingTheObject()
    {
        var store = await OpenAsync();
        var bytes = Bytes(100_000);
        var stored = await store.PutIfAbsentAsync(new MemoryStream(bytes), Token);
        bytes[50_000] ^= 1;
        await ReplaceAsync(stored.Sha256, bytes);

        var error = await Assert.ThrowsAsync<ObjectDamagedException>(() => ReadAsync(store, stored.Sha256));

        Assert.Contains(stored.Sha256, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_ExactlyItsLengthOfADamagedObject_ThrowsToo()
    {
        var store = await OpenAsync();
        var bytes = Bytes(1000);
        var stored = await store.PutIfAbsentAsync(new MemoryStream(bytes), Token);
        bytes[0] ^= 1;
        await ReplaceAsync(stored.Sha256, bytes);
        await using var stream = await store.OpenReadAsync(stored.Sha256, Token);

        await Assert.ThrowsAsync<ObjectDamagedException>(() => stream.ReadExactlyAsync(new byte[1000], Token).AsTask());
    }

    [Theory]
    [InlineData(999)]
    [InlineData(0)]
    public async Task Read_TruncatedObject_ThrowsNamingTheObject(int length)
    {
        var store = await OpenAsync();
        var bytes = Bytes(1000);
        var stored = await store.PutIfAbsentAsync(new MemoryStream(bytes), Token);
        await ReplaceAsync(stored.Sha256, bytes[..length]);

        var error = await Assert.ThrowsAsync<ObjectDamagedException>(() => ReadAsync(store, stored.Sha256));

        Assert.Contains(stored.Sha256, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenRead_Missing_ThrowsNamingTheObject()
    {
        var store = await OpenAsync();

        var error = await Assert.ThrowsAsync<ObjectDamagedException>(() => store.OpenReadAsync(Absent, Token));

        Assert.Contains(Absent, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../../../etc/passwd")]
    [InlineData("")]
    [InlineData("ABCDEF0000000000000000000000000000000000000000000000000000000000")]
    public async Task OpenRead_NoHash_IsRefused(string key)
    {
        var store = await OpenAsync();

        await Assert.ThrowsAsync<ArgumentException>(() => store.OpenReadAsync(key, Token));
    }

    [Fact]
    public async Task Stat_Object_GivesLengthAndAge()
    {
        var store = await OpenAsync();
        var stored = await store.PutIfAbsentAsync(new MemoryStream(Bytes(123)), Token);

        var found = await store.StatAsync(stored.Sha256, Token);

        Assert.NotNull(found);
        Assert.Equal((stored.Sha256, 123), (found.Sha256, found.SizeBytes));
        Assert.InRange(TimeProvider.System.GetUtcNow() - found.LastModified, TimeSpan.FromSeconds(-5), TimeSpan.FromMinutes(1));
        Assert.Null(await store.StatAsync(Absent, Token));
    }

    [Fact]
    public async Task List_Objects_GivesEachWithLengthAndAge()
    {
        var store = await OpenAsync();
        var first = await store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);
        var second = await store.PutIfAbsentAsync(new MemoryStream(Bytes(20)), Token);
        await store.CheckAsync(Token);

        var listed = await store.ListAsync(Token).ToListAsync(Token);

        Assert.Equal(
            new[] { (first.Sha256, 10L), (second.Sha256, 20L) }.Order(),
            listed.Select(found => (found.Sha256, found.SizeBytes)).Order());
        Assert.All(listed, found => Assert.InRange(TimeProvider.System.GetUtcNow() - found.LastModified, TimeSpan.FromSeconds(-5), TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public async Task Delete_Object_IsGoneAndMayBeDeletedAgain()
    {
        var store = await OpenAsync();
        var stored = await store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);

        await store.DeleteAsync(stored.Sha256, Token);
        await store.DeleteAsync(stored.Sha256, Token);

        Assert.Null(await store.StatAsync(stored.Sha256, Token));
        Assert.Null(store.LocalPath(stored.Sha256));
    }

    [Fact]
    public async Task EnsureBucket_Twice_KeepsTheObjects()
    {
        var store = await OpenAsync();
        var stored = await store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);

        await store.EnsureBucketAsync(Token);
        await store.EnsureBucketAsync(Token);

        Assert.Equal(Bytes(10), await ReadAsync(store, stored.Sha256));
    }

    protected static byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        new Random(7).NextBytes(bytes);
        return bytes;
    }

    protected static async Task<byte[]> ReadAsync(IObjectStore store, string sha256)
    {
        await using var stream = await store.OpenReadAsync(sha256, Token);
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Token);
        return copy.ToArray();
    }
}
