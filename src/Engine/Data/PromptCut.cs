namespace ContinualService.Engine.Data;

/// <summary>Takes tokens out of a prompt so that its row fits (<see cref="TruncationPolicy.CutPrompt"/>).</summary>
internal static class PromptCut
{
    // Room for a generation prompt and the last words before it ("... Answer:<end of turn><assistant>").
    private const int LargestTail = 32;

    /// <summary>
    /// Removes <paramref name="excess"/> elements from the first <paramref name="promptLength"/> of <paramref name="tokens"/>, before the
    /// prompt's tail; null where the prompt is not longer than what must go.
    /// </summary>
    public static int[]? Apply(int[] tokens, int promptLength, int excess)
    {
        if (excess <= 0) return tokens;
        var kept = promptLength - excess;
        if (kept < 1) return null;
        var tail = Math.Min(LargestTail, kept / 2);
        return [.. tokens[..(kept - tail)], .. tokens[(promptLength - tail)..]];
    }
}
