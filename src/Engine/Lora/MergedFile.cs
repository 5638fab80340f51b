namespace ContinualService.Engine.Lora;

/// <summary>One file of a merged base.</summary>
/// <param name="Name">Without a folder.</param>
/// <param name="SizeBytes">What <paramref name="Open"/> yields, to the byte.</param>
/// <param name="Open">The content from its start; the caller closes it.</param>
public sealed record MergedFile(string Name, long SizeBytes, Func<Stream> Open);
