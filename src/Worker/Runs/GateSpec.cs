using ContinualService.Domain.Gates;

namespace ContinualService.Worker.Runs;

/// <summary>By what a run's result is judged.</summary>
/// <param name="Policy">The adapter's, as it stood when the run began.</param>
/// <param name="Earlier">The tasks learned before, in their order; those without held-out rows too.</param>
/// <param name="Parent">The version that the run starts from; 0: none, the new task's gain is counted from the base.</param>
internal sealed record GateSpec(GatePolicy Policy, IReadOnlyList<string> Earlier, int Parent);
