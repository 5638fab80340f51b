using System.Diagnostics;
using System.Net;
using ContinualService.Infrastructure.Storage;
using ContinualService.TestKit.Servers;
using Microsoft.Extensions.Time.Testing;
using Minio;
using Minio.DataModel.Args;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Storage;

public sealed class S3ObjectStoreTests : ObjectStoreContract, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<S3ObjectStore> _stores = [];
    private S3Server? _server;
    private string _bucket = "";

    public void Dispose()
    {
        foreach (var store in _stores) store.Dispose();
        Assert.Empty(Directory.EnumerateFiles(_folder.Path)); // Nothing stays behind on the way in.
        _folder.Dispose();
    }

    protected override async Task<IObjectStore> OpenAsync()
    {
        _server = await S3Server.SharedAsync();
        _bucket = await _server.CreateBucketAsync(Token);
        return Open(Options());
    }

    protected override async Task ReplaceAsync(string sha256, byte[] bytes)
    {
        using var client = Client();
        await client.PutObjectAsync(
            new PutObjectArgs().WithBucket(_bucket).WithObject($"objects/{sha256[..2]}/{sha256}").WithStreamData(new MemoryStream(bytes)).WithObjectSize(bytes.Length), Token);
    }

    [Fact]
    public async Task Put_NewBytes_AsksTheServerToRefuseASecondWinner()
    {
        await OpenAsync();
        using var proxy = new FaultyProxy(_server!.Endpoint);
        var store = Open(Options() with { Endpoint = proxy.Endpoint });

        await store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);

        var upload = Assert.Single(proxy.Sent, piece => piece.StartsWith("PUT", StringComparison.Ordinal));
        Assert.Contains("If-None-Match: *", upload, StringComparison.Ordinal);
        Assert.Contains("Content-MD5: ", upload, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Put_OfAYoungObject_SendsNothing()
    {
        await OpenAsync();
        using var proxy = new FaultyProxy(_server!.Endpoint);
        var store = Open(Options() with { Endpoint = proxy.Endpoint });
        await store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);
        proxy.Sent.Clear();

        await store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);

        Assert.DoesNotContain(proxy.Sent, piece => piece.StartsWith("PUT", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Put_OfAnOldObject_RenewsItsAge()
    {
        var store = await OpenAsync();
        await store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);
        var before = await store.ListAsync(Token).SingleAsync(Token);
        var later = Open(Options(), new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddHours(1)));

        await later.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);

        var after = await store.ListAsync(Token).SingleAsync(Token);
        Assert.True(after.LastModified > before.LastModified);
    }

    [Fact]
    public async Task Put_ConnectionBreaksOnTheWay_TriesAgain()
    {
        await OpenAsync();
        using var proxy = new FaultyProxy(_server!.Endpoint);
        var store = Open(Options() with { Endpoint = proxy.Endpoint });
        var bytes = Bytes(3_000_000);
        proxy.BreakUploadAfter(1_000_000);

        var stored = await store.PutIfAbsentAsync(new MemoryStream(bytes), Token);

        Assert.Equal(1, proxy.Breaks);
        Assert.Equal(bytes, await ReadAsync(store, stored.Sha256));
    }

    [Fact]
    public async Task Read_ConnectionBreaksOnTheWay_GoesOnWhereItWas()
    {
        await OpenAsync();
        using var proxy = new FaultyProxy(_server!.Endpoint);
        var store = Open(Options() with { Endpoint = proxy.Endpoint });
        var bytes = Bytes(3_000_000);
        var stored = await store.PutIfAbsentAsync(new MemoryStream(bytes), Token);
        proxy.BreakDownloadAfter(1_000_000);

        Assert.Equal(bytes, await ReadAsync(store, stored.Sha256));

        Assert.Equal(1, proxy.Breaks);
        Assert.Contains(proxy.Sent, piece => piece.Contains("Range: bytes=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task List_MoreThanOneAnswerHolds_GivesAll()
    {
        const int count = 1005; // The server gives 1000 at a time.
        var store = await OpenAsync();
        using var client = Client();
        var keys = Enumerable.Range(0, count).Select(number => number.ToString("x64", System.Globalization.CultureInfo.InvariantCulture)).ToList();
        await Parallel.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Token }, async (sha256, token) => await client.PutObjectAsync(
            new PutObjectArgs().WithBucket(_bucket).WithObject($"objects/{sha256[..2]}/{sha256}").WithStreamData(new MemoryStream([1])).WithObjectSize(1), token));

        var listed = await store.ListAsync(Token).Select(found => found.Sha256).ToListAsync(Token);

        Assert.Equal(keys, listed.Order());
    }

    [Fact]
    public async Task AnyCall_ServerStopped_IsUnavailableSoonAndWorksAgainAfterItsStart()
    {
        await using var server = _server = await S3Server.StartNewAsync();
        _bucket = await server.CreateBucketAsync(Token);
        var store = Open(Options());
        var stored = await store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);

        await server.StopAsync();
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Calls(store, stored.Sha256).Select(Assert.ThrowsAsync<ObjectStoreUnavailableException>));
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        await server.StartAsync();

        foreach (var call in Calls(store, stored.Sha256)) await call();
    }

    [Fact]
    public async Task AnyCall_WrongKeys_IsRefusedNamingTheSettings()
    {
        await OpenAsync();
        var store = Open(Options() with { SecretKey = "another" });

        foreach (var call in Calls(store, new string('1', 64)))
        {
            var error = await Assert.ThrowsAsync<ObjectStoreUnavailableException>(call);
            Assert.Contains("Storage:S3:AccessKey", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task AnyCall_NoBucket_SaysHowToMakeItAndWorksOnceItIsThere()
    {
        await OpenAsync();
        _bucket += "-other";
        var store = Open(Options());

        foreach (var call in Calls(store, new string('1', 64)).SkipLast(1))
        {
            var error = await Assert.ThrowsAsync<ObjectStoreUnavailableException>(call);
            Assert.Contains("'prepare'", error.Message, StringComparison.Ordinal);
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => store.EnsureBucketAsync(Token)));
        await store.CheckAsync(Token);
        await store.CheckAsync(Token);
        var stored = await store.PutIfAbsentAsync(new MemoryStream(Bytes(10)), Token);
        foreach (var call in Calls(store, stored.Sha256)) await call();
    }

    // Reads, then changes; last what makes the bucket.
    private static IEnumerable<Func<Task>> Calls(S3ObjectStore store, string sha256) =>
    [
        () => store.CheckAsync(Token),
        () => ReadAsync(store, sha256),
        () => store.StatAsync(sha256, Token),
        async () => await store.ListAsync(Token).ToListAsync(Token),
        () => store.PutIfAbsentAsync(new MemoryStream([1, 2, 3]), Token),
        () => store.DeleteAsync(sha256, Token),
        () => store.EnsureBucketAsync(Token),
    ];

    private TestOptions Options() => new(_server!.Endpoint, _bucket, _server.AccessKey, _server.SecretKey);

    private S3ObjectStore Open(TestOptions options, TimeProvider? time = null)
    {
        var store = new S3ObjectStore(
            new S3Options { Endpoint = options.Endpoint, Bucket = options.Bucket, AccessKey = options.AccessKey, SecretKey = options.SecretKey }, _folder.Path, time);
        _stores.Add(store);
        return store;
    }

    private IMinioClient Client() => new MinioClient()
        .WithEndpoint(new Uri(_server!.Endpoint).Authority).WithSSL(false).WithRegion("us-east-1").WithCredentials(_server.AccessKey, _server.SecretKey).Build();

    private sealed record TestOptions(string Endpoint, string Bucket, string AccessKey, string SecretKey);
}
