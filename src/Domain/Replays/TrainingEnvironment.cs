using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContinualService.Domain.Replays;

/// <summary>What computed a version beside its inputs: with the same of all this the same inputs give the same bits.</summary>
/// <param name="Code">Version of this program, and the identity of the compiled engine.</param>
/// <param name="Torch">Version of the tensor library.</param>
/// <param name="Device">cpu, cuda or cuda:N.</param>
/// <param name="Processor">The machine's processor with the width of its vectors: sums are taken in another order on another.</param>
/// <param name="Threads">Of the training process.</param>
/// <param name="Precision">Of base and masters.</param>
/// <param name="MicroBatches">How the steps' rows were cut to fit into memory, as <see cref="Tasks.MicroBatching.Write"/> has it: <c>8</c> rows at a time, <c>4+recompute</c> with gradient checkpointing, <c>8; 37:4</c> where it changed with step 37; null: nothing was trained, or before this was written down.</param>
/// <param name="Base">How the frozen base was held in training: <c>full</c>, <c>bfloat16</c>, <c>int8</c> or <c>int4</c>, with <c>+offload</c> in the host's memory; null: nothing was trained, or before this was written down, in full.</param>
/// <param name="Scoring">How many tokens were scored at a time, on which the last bits of the scores depend (and not those of the weights): <c>16384</c>, or <c>16384; 8192</c> where memory ran out between; null: nothing was scored, or before this was written down.</param>
public sealed record TrainingEnvironment(
    string Code, string Torch, string Device, string Processor, int Threads, string Precision, string? MicroBatches = null, string? Base = null, string? Scoring = null)
{
    /// <summary>Null where nothing was written down.</summary>
    public static TrainingEnvironment? Read(string? json) => json is null ? null : JsonSerializer.Deserialize<TrainingEnvironment>(json, JsonSerializerOptions.Web);

    public string Write() => JsonSerializer.Serialize(this, JsonSerializerOptions.Web);

    /// <summary>All of it, by wire names.</summary>
    [JsonIgnore]
    public IReadOnlyList<(string Name, string Value)> Fields =>
        [("code", Code), ("torch", Torch), ("device", Device), ("processor", Processor), ("threads", FormattableString.Invariant($"{Threads}")), ("precision", Precision), ("microBatches", MicroBatches ?? ""), ("base", Base ?? ""), ("scoring", Scoring ?? "")];

    /// <summary>The fields that are not the same here; what one of them did not write down is no difference.</summary>
    public IReadOnlyList<(string Field, string Stored, string Here)> DifferencesTo(TrainingEnvironment here) =>
        [.. Fields.Zip(here.Fields).Where(pair => pair.First != pair.Second && pair is { First.Value.Length: > 0, Second.Value.Length: > 0 }).Select(pair => (pair.First.Name, pair.First.Value, pair.Second.Value))];
}
