namespace ContinualService.Engine.Text;

/// <summary>A rendered conversation.</summary>
/// <param name="Text">The text as the model reads it.</param>
/// <param name="GenerationSpans">
/// What stood in <c>{% generation %}</c> blocks, in order: offsets in UTF-16 characters of <paramref name="Text"/>, end exclusive.
/// </param>
public sealed record RenderedChat(string Text, IReadOnlyList<(int Start, int End)> GenerationSpans);
