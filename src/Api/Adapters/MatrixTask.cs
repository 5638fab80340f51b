namespace ContinualService.Api.Adapters;

/// <summary>A row of the matrix.</summary>
public sealed record MatrixTask(string Id, string Name);
