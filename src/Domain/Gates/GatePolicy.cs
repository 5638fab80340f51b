using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContinualService.Domain.Gates;

/// <summary>What a version must keep to be published; limits that are null are not looked at. Scores are those of the matrix, where higher is better.</summary>
public sealed record GatePolicy
{
    public const double DefaultConfidence = 0.95;
    public const int DefaultLeastRows = 30;

    /// <summary>So many parts has the way from the method's lambda down to 0; 0 itself, which leaves the task out, is not tried.</summary>
    private const int LambdaParts = 8;

    /// <summary>How this policy and what it finds are stored and told.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) } };

    /// <summary>No earlier task may lose more than this; in the metric's unit, 0 or more.</summary>
    public double? LargestForgetting { get; init; }

    /// <summary>Nor may they lose more than this on average.</summary>
    public double? LargestMeanForgetting { get; init; }

    /// <summary>The new task must win this much at least over the version before.</summary>
    public double? LeastGain { get; init; }

    /// <summary>Of the two-sided intervals, between 0 and 1.</summary>
    public double Confidence { get; init; } = DefaultConfidence;

    /// <summary>With fewer rows nothing is decided.</summary>
    public int LeastRows { get; init; } = DefaultLeastRows;

    public GateUndecided Inconclusive { get; init; } = GateUndecided.Refuse;

    public GateFallback OnFail { get; init; } = GateFallback.Refuse;

    public static GatePolicy? Read(string? json) => json is null ? null : JsonSerializer.Deserialize<GatePolicy>(json, Json);

    public string Write() => JsonSerializer.Serialize(this, Json);

    public bool Accepts(GateOutcome verdict) => verdict == GateOutcome.Pass || (verdict == GateOutcome.Inconclusive && Inconclusive == GateUndecided.Accept);

    /// <summary>The lambdas that are tried below the method's own, the largest first.</summary>
    public static IEnumerable<double> LambdasBelow(double own) => Enumerable.Range(1, LambdaParts - 1).Select(step => own * (LambdaParts - step) / LambdaParts);
}
