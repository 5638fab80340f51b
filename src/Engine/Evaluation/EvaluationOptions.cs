using ContinualService.Engine.Inference;

namespace ContinualService.Engine.Evaluation;

/// <summary>How evaluation spends time and tokens.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Most tokens generated per row; null (the default) means the longest gold answer plus <see cref="AnswerMargin"/>.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Tokens allowed beyond the longest gold answer, so that the end of the turn can appear; default 4.</summary>
    public int AnswerMargin { get; init; } = 4;

    /// <summary>How much is computed at once; the default is the largest.</summary>
    public ScoringSize Size { get; init; } = ScoringSize.Largest;
}
