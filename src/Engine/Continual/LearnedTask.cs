using ContinualService.Engine.Training;

namespace ContinualService.Engine.Continual;

/// <summary>What learning one task gave.</summary>
/// <param name="State">The adapter's next state; the caller's to dispose.</param>
/// <param name="Lambda">The weight of this task's B in the served one.</param>
/// <param name="Training">What the tuning measured.</param>
/// <param name="AddedRows">Rows that the method added to the task's own.</param>
public sealed record LearnedTask(AdapterState State, double Lambda, TrainingOutcome Training, int AddedRows);
