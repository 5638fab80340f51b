namespace ContinualService.Engine.Text;

/// <summary>The token ids of a text; <c>Offsets[i]</c> is the half-open range of UTF-16 chars of the input that token i came from.</summary>
public sealed record EncodedText(int[] Ids, (int Start, int End)[] Offsets);
