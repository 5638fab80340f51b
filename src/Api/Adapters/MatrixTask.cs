namespace ContinualService.Api.Adapters;

/// <summary>A row of the matrix.</summary>
/// <param name="Id">The task's id.</param>
/// <param name="Name">Its name.</param>
/// <param name="ForwardTransfer">What the earlier tasks gave to it before it was learned, over the base; null for the first, and where it was not measured.</param>
public sealed record MatrixTask(string Id, string Name, double? ForwardTransfer);
