namespace ContinualService.Api.Tasks;

/// <summary>How the rows of a step are cut so that training fits into its memory: the whole batch at once if that fits, else with gradient checkpointing, else half the rows, and so on; and how much scoring computes at once, the largest that fits. The result is the same but for the last bits.</summary>
/// <param name="MicroBatchRows">Rows of a forward pass.</param>
/// <param name="GradientCheckpointing">Whether each block's forward pass is run once more for its gradient.</param>
/// <param name="ScoredTokens">Tokens that scoring takes at a time, with those that it generates; one row at least.</param>
/// <param name="BudgetBytes">What training may use by the setting <c>Training:MemoryMegabytes</c>, or else by this machine; null: not known.</param>
/// <param name="Fits">False: the task would fail.</param>
/// <param name="Problem">What does not fit, and what to do; null where it fits.</param>
public sealed record MemoryPlanned(int MicroBatchRows, bool GradientCheckpointing, int ScoredTokens, long? BudgetBytes, bool Fits, string? Problem);
