namespace ContinualService.Infrastructure.Storage;

/// <summary>An object's key and length.</summary>
public sealed record StoredObject(string Sha256, long SizeBytes);
