namespace ContinualService.Worker.Runs;

/// <summary>What a forecast measures; the run trains nothing.</summary>
/// <param name="Version">The head; 0: the bare base. Its state is the specification's previous one.</param>
/// <param name="Tasks">The tasks, in the order they stand in.</param>
internal sealed record ForecastSpec(int Version, IReadOnlyList<ForecastTaskSpec> Tasks);
