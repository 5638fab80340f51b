using System.Text.Json;
using System.Text.Json.Serialization;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Inference;

namespace ContinualService.Worker.Runs;

/// <summary>The data of an event <see cref="TaskEventTypes.OutOfMemory"/>.</summary>
/// <param name="Step">Where it happened.</param>
/// <param name="Rows">At a time from there on; null: it was scoring.</param>
/// <param name="Recomputes">With gradient checkpointing.</param>
/// <param name="NextAttempt">The kernel killed the process: the next attempt goes on so.</param>
/// <param name="ScoredTokens">At a time from there on; null: it was training.</param>
internal sealed record OutOfMemoryEvent(int Step, int? Rows, bool Recomputes, bool NextAttempt, int? ScoredTokens = null)
{
    // 128 and the signal's number.
    public const int KilledExitCode = 137;

    public static OutOfMemoryEvent Of(MicroBatching way, bool nextAttempt) => new(way.FromStep, way.Rows, way.Recomputes, nextAttempt);

    public static OutOfMemoryEvent Of(ScoringSize size, int stepsMade, bool nextAttempt) => new(stepsMade, null, false, nextAttempt, size.Tokens);

    /// <summary>After the death of a training process: what the next attempt takes. Null where the kernel did not kill it for want of memory, nothing was trained, or less at a time is not possible.</summary>
    /// <param name="exitCode">Of the process.</param>
    /// <param name="killsBefore">The kernel's count when the process began; null: it does not count.</param>
    /// <param name="killsAfter">And when it had ended: somebody else's kill does not move it.</param>
    /// <param name="way">What it took at a time; null: it trained nothing.</param>
    /// <param name="stepsMade">By the task.</param>
    /// <param name="scoring">How much it scored at once; null: it had not begun to.</param>
    public static OutOfMemoryEvent? AfterDeath(int exitCode, long? killsBefore, long? killsAfter, MicroBatching? way, int stepsMade, ScoringSize? scoring = null)
    {
        if (exitCode != KilledExitCode || killsAfter <= killsBefore || killsBefore is null || killsAfter is null) return null;
        if (scoring is not null) return scoring.Smaller is { } less ? Of(less, stepsMade, nextAttempt: true) : null;
        return way?.Smaller(way.Rows) is { } smaller ? Of(smaller with { FromStep = stepsMade + 1 }, nextAttempt: true) : null;
    }

    /// <summary>For the reason of a dead attempt.</summary>
    public string Told() => ScoredTokens is { } tokens
        ? FormattableString.Invariant($" The next attempt scores {tokens} tokens at a time.")
        : FormattableString.Invariant($" The next attempt takes {Rows} rows at a time{(Recomputes ? " with gradient checkpointing" : "")}.");

    /// <summary>What an attempt after it trains on at a time at most, in all its steps; null: it was scoring.</summary>
    [JsonIgnore]
    public MicroBatching? Way => Rows is { } rows ? new MicroBatching(1, rows, Recomputes) : null;

    public static OutOfMemoryEvent Read(string json) => JsonSerializer.Deserialize<OutOfMemoryEvent>(json, JsonSerializerOptions.Web)!;
}
