using System.Text.Json;
using System.Text.Json.Serialization;
using ContinualService.Domain.Forecasts;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;

namespace ContinualService.Worker.Runs;

/// <summary>One line that a training process says on its standard output.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Phase), "phase")]
[JsonDerivedType(typeof(Step), "step")]
[JsonDerivedType(typeof(Resumed), "resumed")]
[JsonDerivedType(typeof(RowsAdded), "rows_added")]
[JsonDerivedType(typeof(RowsLeftOut), "rows_left_out")]
[JsonDerivedType(typeof(Checkpoint), "checkpoint")]
[JsonDerivedType(typeof(Merged), "merged")]
[JsonDerivedType(typeof(Evaluation), "evaluation")]
[JsonDerivedType(typeof(Previewed), "previewed")]
[JsonDerivedType(typeof(Forecasted), "forecasted")]
[JsonDerivedType(typeof(Part), "part")]
[JsonDerivedType(typeof(Replayed), "replayed")]
[JsonDerivedType(typeof(Memory), "memory")]
[JsonDerivedType(typeof(ScoringShort), "scoring_short")]
[JsonDerivedType(typeof(Log), "log")]
[JsonDerivedType(typeof(Failed), "failed")]
[JsonDerivedType(typeof(Done), "done")]
[JsonDerivedType(typeof(Stopped), "stopped")]
internal abstract record RunMessage
{
    /// <summary>The message of a line; null where the line is something else that a native library printed.</summary>
    public static RunMessage? Parse(string line)
    {
        if (!line.StartsWith('{')) return null;
        try
        {
            return JsonSerializer.Deserialize<RunMessage>(line, RunJson.Options);
        }
        catch (Exception foreign) when (foreign is JsonException or NotSupportedException)
        {
            // Not one of ours: the caller logs the line.
            return null;
        }
    }

    public string ToLine() => JsonSerializer.Serialize(this, RunJson.Options);

    /// <summary>A phase begins.</summary>
    public sealed record Phase(LearningTaskPhase Name) : RunMessage;

    /// <summary>One optimiser update.</summary>
    public sealed record Step(int Number, int Total, double Loss, double LearningRate, double GradNorm, long Tokens, double Seconds) : RunMessage;

    /// <summary>Training goes on from the checkpoint it was given; <paramref name="Step"/> steps are made already.</summary>
    public sealed record Resumed(int Step) : RunMessage
    {
        public new int Step { get; } = Step;
    }

    /// <summary>The adapter wrote rows of its earlier tasks, and learns them beside the task's own.</summary>
    public sealed record RowsAdded(int Rows) : RunMessage;

    /// <summary>Of earlier tasks not all held-out rows are scored.</summary>
    /// <param name="Rows">How many are, of each of these tasks.</param>
    /// <param name="Tasks">How many have more.</param>
    /// <param name="LeftOut">The rows that are not scored, of all together.</param>
    public sealed record RowsLeftOut(int Rows, int Tasks, int LeftOut) : RunMessage;

    /// <summary>A checkpoint is written, whole and flushed; the process needs it no more.</summary>
    /// <param name="Step">Optimiser steps made; all of them where the run is only to be merged and scored.</param>
    /// <param name="File">Its name in the output folder.</param>
    /// <param name="Sha256">Of its bytes.</param>
    public sealed record Checkpoint(int Step, string File, string Sha256) : RunMessage
    {
        public new int Step { get; } = Step;
    }

    /// <summary>The task is merged into the adapter.</summary>
    /// <param name="Seconds">What the merge took.</param>
    public sealed record Merged(double Seconds) : RunMessage;

    /// <summary>How much of all held-out rows is scored, 0 to 1.</summary>
    public sealed record Evaluation(double Fraction) : RunMessage;

    /// <summary>One lambda of a preview is measured.</summary>
    public sealed record Previewed(PreviewPoint Point) : RunMessage;

    /// <summary>All that a forecast was asked for is measured.</summary>
    public sealed record Forecasted(ForecastResult Result) : RunMessage;

    /// <summary>The next part of a run of several begins: phases and steps are counted from the first again.</summary>
    public sealed record Part(int Index, int Count) : RunMessage;

    /// <summary>One version of a replay is compared.</summary>
    public sealed record Replayed(ReplayedVersion Version) : RunMessage;

    /// <summary>How the steps are cut from one on: by the plan before the first, or because memory ran out.</summary>
    /// <param name="Way">From its step on.</param>
    /// <param name="ScoredTokens">Tokens that scoring takes at a time.</param>
    /// <param name="Whole">A whole batch at once, nothing computed twice, and scoring in its largest size.</param>
    /// <param name="NeedBytes">What the plan counts for it.</param>
    /// <param name="BudgetBytes">What it may use; null: not known.</param>
    /// <param name="RanShort">Memory ran out.</param>
    public sealed record Memory(MicroBatching Way, int ScoredTokens, bool Whole, long NeedBytes, long? BudgetBytes, bool RanShort) : RunMessage;

    /// <summary>Memory ran out while rows were scored: from there on so many tokens at a time.</summary>
    public sealed record ScoringShort(int Tokens) : RunMessage;

    /// <summary>For the service's log.</summary>
    public sealed record Log(string Text) : RunMessage;

    /// <summary>The run cannot succeed, however often it is tried.</summary>
    public sealed record Failed(TaskFailureCode Code, string Message, bool UserError) : RunMessage;

    /// <summary>All files are written.</summary>
    public sealed record Done : RunMessage;

    /// <summary>The process was asked to stop and ends: the last checkpoint it spoke of is where to go on.</summary>
    public sealed record Stopped : RunMessage;
}
