namespace ContinualService.Bench.Training;

/// <summary>What a run holds from step to step, once it is under way.</summary>
/// <param name="ManagedBytesPerStep">That the trainer's thread allocates on .NET's heap.</param>
/// <param name="FirstTensors">Live tensors after the first counted step.</param>
/// <param name="MostTensors">The most after any counted step.</param>
/// <param name="FirstResidentBytes">The process's resident set after the first counted step.</param>
/// <param name="LastResidentBytes">And after the last.</param>
internal sealed record SteadyState(long ManagedBytesPerStep, long FirstTensors, long MostTensors, long FirstResidentBytes, long LastResidentBytes);
