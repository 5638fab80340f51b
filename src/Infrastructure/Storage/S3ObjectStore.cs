using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Minio;
using Minio.DataModel.Args;
using Minio.Exceptions;

namespace ContinualService.Infrastructure.Storage;

/// <summary>
/// Objects under the keys <c>objects/ab/abcdef…</c> of one bucket. An upload goes to its key in one request that succeeds whole or not at all,
/// only once its hash is known, and only where nothing is there yet; the server checks its MD5 on arrival. Nothing is held in memory: bytes
/// pass through a temporary file on the way in, and are handed on as they come on the way out.
/// </summary>
public sealed class S3ObjectStore : IObjectStore, IDisposable
{
    private const string Prefix = "objects/";
    private const string CheckKey = "check/writable";
    private const int PutAttempts = 3;
    private const int SignedForSeconds = 3600;
    private const int BufferBytes = 1 << 16;
    private const int BucketLooks = 5;
    private static readonly TimeSpan BucketPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RenewAfter = TimeSpan.FromMinutes(30);
    private readonly S3Options _options;
    private readonly TimeProvider _time;
    private readonly IncomingFolder _incoming;
    private readonly HttpClient _http;
    private readonly IMinioClient _minio;

    /// <param name="options">Checked already.</param>
    /// <param name="incomingFolder">For uploads on their way; made when absent.</param>
    /// <param name="time">Tells which objects and temporary files are old; null: the system's clock.</param>
    /// <param name="failed">Called for every attempt that the network or the server failed or refused; null: nobody counts.</param>
    public S3ObjectStore(S3Options options, string incomingFolder, TimeProvider? time = null, Action? failed = null)
    {
        _options = options;
        _time = time ?? TimeProvider.System;
        _incoming = new IncomingFolder(incomingFolder, _time);
        var server = new Uri(options.Endpoint);
        var sockets = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            // A name may come to mean another machine.
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        };
        // The handler below limits each attempt; this limit would cover all of them together.
        _http = new HttpClient(new S3FaultHandler(sockets, options.Endpoint, FirstPause, failed)) { Timeout = Timeout.InfiniteTimeSpan };
        _minio = new MinioClient()
            .WithEndpoint(server.Authority)
            .WithSSL(server.Scheme == Uri.UriSchemeHttps)
            .WithRegion(options.Region)
            .WithCredentials(options.AccessKey, options.SecretKey)
            .WithHttpClient(_http)
            .Build();
    }

    public Task<StoredObject> PutIfAbsentAsync(Stream content, CancellationToken cancellationToken) => StoreAsync(content, null, cancellationToken);

    public Task<StoredObject> PutAsync(Stream content, string expectedSha256, CancellationToken cancellationToken)
    {
        ObjectKey.Check(expectedSha256);
        return StoreAsync(content, expectedSha256, cancellationToken);
    }

    public async Task<Stream> OpenReadAsync(string sha256, CancellationToken cancellationToken)
    {
        var response = await GetAsync(sha256, 0, null, cancellationToken);
        if (response.Content.Headers.ContentLength is { } length)
            return new VerifyingStream(new S3DownloadStream(length, response, (offset, token) => GetAsync(sha256, offset, length, token)), sha256);
        response.Dispose();
        throw Unexpected($"it did not say how long object {sha256} is");
    }

    public async Task<StoredObjectInfo?> StatAsync(string sha256, CancellationToken cancellationToken)
    {
        var request = new StatObjectArgs().WithBucket(_options.Bucket).WithObject(KeyOf(sha256));
        try
        {
            // The client asks for the bucket first: an answer without a body could not say which of the two is missing.
            var found = await CallAsync(() => _minio.StatObjectAsync(request, cancellationToken));
            return new StoredObjectInfo(sha256, found.Size, found.LastModified.ToUniversalTime());
        }
        catch (ObjectNotFoundException)
        {
            return null;
        }
    }

    public async IAsyncEnumerable<StoredObjectInfo> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = new ListObjectsArgs().WithBucket(_options.Bucket).WithPrefix(Prefix).WithRecursive(true);
        await using var items = _minio.ListObjectsEnumAsync(request, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await CallAsync(() => items.MoveNextAsync().AsTask()))
        {
            var sha256 = items.Current.Key[(items.Current.Key.LastIndexOf('/') + 1)..];
            if (!ObjectKey.IsValid(sha256) || items.Current.Key != KeyOf(sha256)) continue;
            yield return new StoredObjectInfo(sha256, (long)items.Current.Size, DateTimeOffset.Parse(items.Current.LastModified, CultureInfo.InvariantCulture));
        }
    }

    public Task DeleteAsync(string sha256, CancellationToken cancellationToken)
    {
        var request = new RemoveObjectArgs().WithBucket(_options.Bucket).WithObject(KeyOf(sha256));
        return CallAsync(async () =>
        {
            await _minio.RemoveObjectAsync(request, cancellationToken);
            return true;
        });
    }

    public string? LocalPath(string sha256) => null;

    public async Task EnsureBucketAsync(CancellationToken cancellationToken)
    {
        if (await BucketExistsAsync(cancellationToken)) return;
        try
        {
            await _minio.MakeBucketAsync(new MakeBucketArgs().WithBucket(_options.Bucket).WithLocation(_options.Region), cancellationToken);
        }
        catch (MinioException fault)
        {
            // Another process may have been faster, and the store may need a moment to show the bucket.
            for (var look = 0; look < BucketLooks; look++)
            {
                if (await BucketExistsAsync(cancellationToken)) return;
                await Task.Delay(BucketPause, cancellationToken);
            }

            throw Unexpected($"it did not make the bucket '{_options.Bucket}': {fault.Message}", fault);
        }
    }

    /// <summary>
    /// One conditional upload of nothing to a key of its own: the server looks at keys, bucket and rights before it finds that the key is there
    /// already, and refuses.
    /// </summary>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        using var nothing = new ByteArrayContent([]);
        await UploadAsync(CheckKey, nothing, onlyIfAbsent: true, cancellationToken);
    }

    public void Dispose()
    {
        _minio.Dispose();
        _http.Dispose();
    }

    private static string KeyOf(string sha256)
    {
        ObjectKey.Check(sha256);
        return $"{Prefix}{sha256[..2]}/{sha256}";
    }

    private async Task<StoredObject> StoreAsync(Stream content, string? expected, CancellationToken cancellationToken)
    {
        using var file = await _incoming.ReceiveAsync(content, expected, cancellationToken);
        var found = await StatAsync(file.Sha256, cancellationToken);
        if (found?.SizeBytes == file.SizeBytes && found.LastModified > _time.GetUtcNow() - RenewAfter) return file.Stored;
        for (var attempt = 1; attempt <= PutAttempts; attempt++)
        {
            // An object of another length is damaged and an old one is renewed: in both cases the good bytes at hand replace it.
            await UploadAsync(file, onlyIfAbsent: found is null, cancellationToken);
            found = await StatAsync(file.Sha256, cancellationToken);
            if (found?.SizeBytes == file.SizeBytes) return file.Stored;
        }

        throw Unexpected($"of {file.SizeBytes} bytes sent as object {file.Sha256} it keeps {found?.SizeBytes ?? 0}");
    }

    [SuppressMessage("Security", "CA5351", Justification = "S3's checksum of a transfer; what the bytes must be is said by their SHA-256.")]
    private async Task UploadAsync(IncomingFile file, bool onlyIfAbsent, CancellationToken cancellationToken)
    {
        await using var bytes = new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
        var md5 = await MD5.HashDataAsync(bytes, cancellationToken);
        bytes.Position = 0;
        using var content = new StreamContent(bytes, BufferBytes);
        content.Headers.ContentMD5 = md5;
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        await UploadAsync(KeyOf(file.Sha256), content, onlyIfAbsent, cancellationToken);
    }

    // By a signed address and not by the client's own call, which holds the object in memory several times over and sends no conditions.
    private async Task UploadAsync(string key, HttpContent content, bool onlyIfAbsent, CancellationToken cancellationToken)
    {
        var address = await _minio.PresignedPutObjectAsync(new PresignedPutObjectArgs().WithBucket(_options.Bucket).WithObject(key).WithExpiry(SignedForSeconds));
        using var request = new HttpRequestMessage(HttpMethod.Put, address) { Content = content };
        if (onlyIfAbsent) request.Headers.IfNoneMatch.Add(EntityTagHeaderValue.Any);
        using var response = await _http.SendAsync(request, cancellationToken);
        // Another was faster: what it wrote counts. 409 says that it has not finished yet.
        if (response.IsSuccessStatusCode || response.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict) return;
        var code = await S3Error.CodeAsync(response);
        throw code == S3Error.NoSuchBucket ? NoBucket() : Unexpected($"it refused '{key}' ({code})");
    }

    private async Task<HttpResponseMessage> GetAsync(string sha256, long offset, long? expectedLength, CancellationToken cancellationToken)
    {
        var address = await _minio.PresignedGetObjectAsync(new PresignedGetObjectArgs().WithBucket(_options.Bucket).WithObject(KeyOf(sha256)).WithExpiry(SignedForSeconds));
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Options.Set(S3FaultHandler.Streams, true);
        if (offset > 0) request.Headers.Range = new RangeHeaderValue(offset, null);
        var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.StatusCode == HttpStatusCode.OK && offset == 0) return response;
        if (response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange is { } range && range.From == offset && range.Length == expectedLength)
            return response;
        using (response)
        {
            var code = response.IsSuccessStatusCode ? "another range" : await S3Error.CodeAsync(response);
            throw code switch
            {
                S3Error.NoSuchKey => new ObjectDamagedException($"Object {sha256} is missing from the bucket '{_options.Bucket}'. Restore it from a backup."),
                S3Error.NoSuchBucket => NoBucket(),
                _ => Unexpected($"to the request for object {sha256} from byte {offset} on it answered {code}"),
            };
        }
    }

    private Task<bool> BucketExistsAsync(CancellationToken cancellationToken) =>
        CallAsync(() => _minio.BucketExistsAsync(new BucketExistsArgs().WithBucket(_options.Bucket), cancellationToken));

    // The handler below turned faults of network and server into ObjectStoreUnavailableException; this is for the rest of what the client throws.
    private async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (BucketNotFoundException)
        {
            throw NoBucket();
        }
        catch (MinioException fault) when (fault is not ObjectNotFoundException)
        {
            throw Unexpected(fault.Message, fault);
        }
    }

    private ObjectStoreUnavailableException NoBucket() =>
        new($"The object store at {_options.Endpoint} has no bucket '{_options.Bucket}'. Run 'prepare' to make it, or correct Storage:S3:Bucket.");

    private ObjectStoreUnavailableException Unexpected(string what, Exception? cause = null) =>
        new($"The object store at {_options.Endpoint} does not do as it should: {what}. Check the server's log and that it speaks S3.", cause);
}
