namespace ContinualService.Api.Requests;

/// <summary>A page of a list.</summary>
/// <param name="Data">The items, newest first unless the route says otherwise.</param>
/// <param name="NextCursor">Give it back as <c>cursor</c> for the next page; null on the last.</param>
public sealed record Page<T>(IReadOnlyList<T> Data, string? NextCursor);
