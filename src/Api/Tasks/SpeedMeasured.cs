namespace ContinualService.Api.Tasks;

/// <summary>How fast runs on the same base were: medians of the newest ones on the machine and device that ran one last.</summary>
/// <param name="TokensPerSecond">Real tokens trained on in a second.</param>
/// <param name="ScoredRowsPerSecond">Held-out rows scored in a second; null where none were.</param>
/// <param name="Runs">Runs it is taken from, at most five.</param>
/// <param name="SameShape">Whether they had this adapter's method, rank and layers; false: only runs of other adapters on this base were there.</param>
/// <param name="Machine">The machine's name.</param>
/// <param name="Device">cpu, cuda or cuda:N.</param>
/// <param name="PeakMemoryBytes">The most memory that one of them held, on the machine and not on a GPU; null where that is not known.</param>
public sealed record SpeedMeasured(double TokensPerSecond, double? ScoredRowsPerSecond, int Runs, bool SameShape, string Machine, string Device, long? PeakMemoryBytes);
