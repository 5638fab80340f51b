using ContinualService.Engine.Inference;

namespace ContinualService.Api.OpenAi;

/// <summary>Text of one choice that may be sent now, and the tokens that became final with it; both may be empty in the last one.</summary>
internal sealed record ChoicePiece(int Index, string Text, IReadOnlyList<ScoredToken> Tokens, bool IsLast);
