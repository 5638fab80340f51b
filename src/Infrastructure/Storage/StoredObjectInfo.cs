namespace ContinualService.Infrastructure.Storage;

/// <summary>What a store knows about an object without reading it.</summary>
/// <param name="LastModified">When its bytes were last put, give or take an hour: see <see cref="IObjectStore.PutIfAbsentAsync"/>.</param>
public sealed record StoredObjectInfo(string Sha256, long SizeBytes, DateTimeOffset LastModified);
