using System.Text.Json;
using System.Text.Json.Serialization;
using ContinualService.Domain.Tasks;

namespace ContinualService.Worker.Runs;

/// <summary>One line that a training process says on its standard output.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Phase), "phase")]
[JsonDerivedType(typeof(Step), "step")]
[JsonDerivedType(typeof(Evaluation), "evaluation")]
[JsonDerivedType(typeof(Log), "log")]
[JsonDerivedType(typeof(Failed), "failed")]
[JsonDerivedType(typeof(Done), "done")]
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

    /// <summary>How much of all held-out rows is scored, 0 to 1.</summary>
    public sealed record Evaluation(double Fraction) : RunMessage;

    /// <summary>For the service's log.</summary>
    public sealed record Log(string Text) : RunMessage;

    /// <summary>The run cannot succeed, however often it is tried.</summary>
    public sealed record Failed(TaskFailureCode Code, string Message, bool UserError) : RunMessage;

    /// <summary>All files are written.</summary>
    public sealed record Done : RunMessage;
}
