using ContinualService.Infrastructure.Storage;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Storage;

public sealed class S3DownloadStreamTests
{
    [Fact]
    public async Task Read_EveryConnectionBreaks_EndsAsUnavailable()
    {
        var resumed = 0;
        await using var stream = new S3DownloadStream(10, Broken(), (_, _) =>
        {
            resumed++;
            return Task.FromResult(Broken());
        });

        await Assert.ThrowsAsync<ObjectStoreUnavailableException>(() => stream.ReadAsync(new byte[10], TestContext.Current.CancellationToken).AsTask());

        Assert.Equal(3, resumed);
    }

    private static HttpResponseMessage Broken() => new() { Content = new StreamContent(new BrokenStream()) };

    private sealed class BrokenStream : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("The connection broke.");
    }
}
