namespace ContinualService.Engine.Text;

/// <summary>What a chat template writes around the only user's text of a conversation, as ids.</summary>
/// <param name="Before">From the beginning of the row.</param>
/// <param name="After">Up to where the answer begins.</param>
/// <param name="Special">Which of <paramref name="After"/> are special tokens.</param>
public sealed record UserTurn(int[] Before, int[] After, bool[] Special);
