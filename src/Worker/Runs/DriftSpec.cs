namespace ContinualService.Worker.Runs;

/// <summary>What a new version is compared with the last one by.</summary>
/// <param name="CanaryPrompts">Prompts on which their next-token distributions are held against one another.</param>
/// <param name="StopRows">Most held-out questions that both answer, to see whether the answers end.</param>
internal sealed record DriftSpec(IReadOnlyList<string> CanaryPrompts, int StopRows);
