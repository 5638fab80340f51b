using ContinualService.Domain.Gates;
using ContinualService.Engine.Continual;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>A merge, scored.</summary>
/// <param name="State">The training state that it leaves.</param>
/// <param name="Lambda">With which it was made.</param>
/// <param name="Scores">All that is recorded with it.</param>
/// <param name="Gate">What the gate says of it; null: there is none.</param>
internal sealed record Candidate(AdapterState State, double Lambda, IReadOnlyList<RunScore> Scores, GateVerdict? Gate);
