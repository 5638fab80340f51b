using System.ComponentModel.DataAnnotations;
using ContinualService.Domain.Drift;

namespace ContinualService.Worker;

/// <summary>Section <c>Drift</c>: what may change from one version to the next before an alarm is raised. A limit that is set to nothing is not watched.</summary>
public sealed class DriftOptions
{
    public const string Section = "Drift";

    public const int MostCanaries = 32;
    public const int LongestCanary = 2000;

    private static readonly string[] UsualCanaries =
        ["What is the capital of France?", "Explain in one sentence why the sky is blue.", "Write a short greeting to a new colleague.", "What is 17 plus 25?"];

    /// <summary>Largest fall of an earlier task's score, 0 to 1.</summary>
    [Range(0, 1)]
    public double? ScoreDrop { get; set; } = 0.1;

    /// <summary>Largest rise of an earlier task's loss in nats.</summary>
    [Range(0, 1e6)]
    public double? LossRise { get; set; } = 0.5;

    /// <summary>Largest principal angle in degrees between the row spaces of A.</summary>
    [Range(0, 90)]
    public double? Angle { get; set; }

    /// <summary>Largest mean divergence in nats on the canaries.</summary>
    [Range(0, 1e6)]
    public double? CanaryKl { get; set; } = 1;

    /// <summary>Largest fall of the share of answers that end by themselves, 0 to 1.</summary>
    [Range(0, 1)]
    public double? StopDrop { get; set; } = 0.2;

    /// <summary>Most held-out questions that are answered for <see cref="StopDrop"/>; 0: none, and it is not watched.</summary>
    [Range(0, 1000)]
    public int StopRows { get; set; } = 16;

    /// <summary>Prompts on which the distributions are held against one another; none set: the usual ones.</summary>
    public IList<string> Canaries { get; } = [];

    public IReadOnlyList<string> CanaryPrompts => Canaries.Count > 0 ? [.. Canaries] : UsualCanaries;

    public DriftLimits Limits => new() { ScoreDrop = ScoreDrop, LossRise = LossRise, Angle = Angle, CanaryKl = CanaryKl, StopDrop = StopDrop };
}
