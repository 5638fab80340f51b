namespace ContinualService.Worker.Runs;

/// <summary>An object as a file; the reader checks the hash.</summary>
internal sealed record StoredFile(string Path, string Sha256);
