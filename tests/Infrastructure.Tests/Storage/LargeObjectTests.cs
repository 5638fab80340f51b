using ContinualService.Infrastructure.Storage;
using ContinualService.TestKit.Servers;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Storage;

/// <summary>Alone, because what it measures belongs to the whole program.</summary>
[CollectionDefinition(nameof(LargeObjectTests), DisableParallelization = true)]
public sealed class LargeObjectCollection;

[Collection(nameof(LargeObjectTests))]
public sealed class LargeObjectTests : IDisposable
{
    private const long ObjectBytes = 200_000_000;
    private const long AllocatedLimit = 20_000_000;
    private readonly TemporaryFolder _folder = new();
    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public Task PutAndRead_OnDisk_HoldLittleOfIt() => MeasureAsync(new DiskObjectStore(_folder.Path));

    [Fact]
    public async Task PutAndRead_InS3_HoldLittleOfIt()
    {
        await using var server = await S3Server.StartNewAsync();
        using var store = new S3ObjectStore(
            new S3Options { Endpoint = server.Endpoint, Bucket = await server.CreateBucketAsync(_token), AccessKey = server.AccessKey, SecretKey = server.SecretKey }, _folder.Path);
        await MeasureAsync(store);
    }

    private async Task MeasureAsync(IObjectStore store)
    {
        var before = GC.GetTotalAllocatedBytes(precise: true);

        var stored = await store.PutIfAbsentAsync(new CountedStream(ObjectBytes), _token);
        await using (var content = await store.OpenReadAsync(stored.Sha256, _token)) await content.CopyToAsync(Stream.Null, _token);

        Assert.Equal(ObjectBytes, stored.SizeBytes);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, AllocatedLimit);
    }

    /// <summary>So many bytes that are nowhere in memory.</summary>
    private sealed class CountedStream(long length) : MemoryStream
    {
        private long _given;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = (int)Math.Min(buffer.Length, length - _given);
            buffer.Span[..count].Fill((byte)(_given >> 16));
            _given += count;
            return ValueTask.FromResult(count);
        }
    }
}
