using ContinualService.Infrastructure.Storage;

namespace ContinualService.Worker.Tests.Upkeep;

/// <summary>A store to which something happens at the moments that matter.</summary>
internal sealed class HookedStore(IObjectStore inner) : IObjectStore
{
    /// <summary>How much older the listing makes every object: as if each had been put again since.</summary>
    public TimeSpan ListedOlderBy { get; init; }

    /// <summary>Before a look at one object.</summary>
    public Func<string, Task> OnStat { get; init; } = _ => Task.CompletedTask;

    /// <summary>Before a deletion.</summary>
    public Func<string, Task> OnDelete { get; init; } = _ => Task.CompletedTask;

    public async Task<StoredObjectInfo?> StatAsync(string sha256, CancellationToken cancellationToken)
    {
        await OnStat(sha256);
        return await inner.StatAsync(sha256, cancellationToken);
    }

    public IAsyncEnumerable<StoredObjectInfo> ListAsync(CancellationToken cancellationToken) =>
        inner.ListAsync(cancellationToken).Select(found => found with { LastModified = found.LastModified - ListedOlderBy });

    public async Task DeleteAsync(string sha256, CancellationToken cancellationToken)
    {
        await OnDelete(sha256);
        await inner.DeleteAsync(sha256, cancellationToken);
    }

    public Task<StoredObject> PutIfAbsentAsync(Stream content, CancellationToken cancellationToken) => inner.PutIfAbsentAsync(content, cancellationToken);

    public Task<StoredObject> PutAsync(Stream content, string expectedSha256, CancellationToken cancellationToken) => inner.PutAsync(content, expectedSha256, cancellationToken);

    public Task<Stream> OpenReadAsync(string sha256, CancellationToken cancellationToken) => inner.OpenReadAsync(sha256, cancellationToken);

    public string? LocalPath(string sha256) => inner.LocalPath(sha256);

    public Task EnsureBucketAsync(CancellationToken cancellationToken) => inner.EnsureBucketAsync(cancellationToken);

    public Task CheckAsync(CancellationToken cancellationToken) => inner.CheckAsync(cancellationToken);
}
