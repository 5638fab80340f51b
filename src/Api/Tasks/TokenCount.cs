namespace ContinualService.Api.Tasks;

/// <summary>Tokens of a set of rows.</summary>
/// <param name="Tokens">All of them.</param>
/// <param name="TrainedTokens">Those that the loss is taken on.</param>
/// <param name="LongestRow">Of the longest row.</param>
internal sealed record TokenCount(long Tokens, long TrainedTokens, int LongestRow);
