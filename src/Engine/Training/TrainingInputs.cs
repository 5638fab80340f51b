namespace ContinualService.Engine.Training;

/// <summary>What a run is made of, as SHA-256 digests in hexadecimal: two runs with the same four are the same run and end with the same weights.</summary>
/// <param name="Options">The training options, the adapter's shape, the method, and where it is computed.</param>
/// <param name="Rows">Tokens and labels of every row, in order.</param>
/// <param name="Base">The base model.</param>
/// <param name="PreviousState">The adapter's state before the task.</param>
public sealed record TrainingInputs(string Options, string Rows, string Base, string PreviousState);
