using System.Text.Json;
using ContinualService.Domain.Tasks;

namespace ContinualService.Worker.Runs;

/// <summary>The data of an event <see cref="TaskEventTypes.OutOfMemory"/>.</summary>
/// <param name="Step">Where it happened.</param>
/// <param name="Rows">At a time from there on.</param>
/// <param name="Recomputes">With gradient checkpointing.</param>
/// <param name="NextAttempt">The kernel killed the process: the next attempt goes on so.</param>
internal sealed record OutOfMemoryEvent(int Step, int Rows, bool Recomputes, bool NextAttempt)
{
    // 128 and the signal's number.
    public const int KilledExitCode = 137;

    public static OutOfMemoryEvent Of(MicroBatching way, bool nextAttempt) => new(way.FromStep, way.Rows, way.Recomputes, nextAttempt);

    /// <summary>After the death of a training process: what the next attempt takes. Null where the kernel did not kill it for want of memory, nothing was trained, or less at a time is not possible.</summary>
    /// <param name="exitCode">Of the process.</param>
    /// <param name="killsBefore">The kernel's count when the process began; null: it does not count.</param>
    /// <param name="killsAfter">And when it had ended: somebody else's kill does not move it.</param>
    /// <param name="way">What it took at a time; null: it trained nothing.</param>
    /// <param name="stepsMade">By the task.</param>
    public static OutOfMemoryEvent? AfterDeath(int exitCode, long? killsBefore, long? killsAfter, MicroBatching? way, int stepsMade) =>
        exitCode == KilledExitCode && killsAfter > killsBefore && way?.Smaller(way.Rows) is { } smaller ? Of(smaller with { FromStep = stepsMade + 1 }, nextAttempt: true) : null;

    /// <summary>For the reason of a dead attempt.</summary>
    public string Told() => FormattableString.Invariant($" The next attempt takes {Rows} rows at a time{(Recomputes ? " with gradient checkpointing" : "")}.");

    /// <summary>What an attempt after it takes at most, in all its steps.</summary>
    public static MicroBatching Read(string json)
    {
        var data = JsonSerializer.Deserialize<OutOfMemoryEvent>(json, JsonSerializerOptions.Web)!;
        return new MicroBatching(1, data.Rows, data.Recomputes);
    }
}
