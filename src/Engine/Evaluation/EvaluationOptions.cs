namespace ContinualService.Engine.Evaluation;

/// <summary>How evaluation spends memory and tokens; none of it changes a score beyond floating-point noise, but <see cref="MaxNewTokens"/>.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Sequences per forward pass; default 16, at least 1.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Most tokens generated per row; null (the default) means the longest gold answer plus <see cref="AnswerMargin"/>.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Tokens allowed beyond the longest gold answer, so that the end of the turn can appear; default 4.</summary>
    public int AnswerMargin { get; init; } = 4;
}
