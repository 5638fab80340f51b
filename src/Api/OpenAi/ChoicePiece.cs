using ContinualService.Engine.Inference;

namespace ContinualService.Api.OpenAi;

/// <summary>Text that may be sent now, and the tokens that became final with it.</summary>
internal sealed record ChoicePiece(string Text, IReadOnlyList<ScoredToken> Tokens);
