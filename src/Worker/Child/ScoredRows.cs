using ContinualService.Engine.Evaluation;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>What was measured: the score that is recorded, and the rows behind it.</summary>
internal sealed record ScoredRows(RunScore Run, TaskScore Rows);
