using System.Globalization;
using System.Text;

namespace ContinualService.Engine.Evaluation;

/// <summary>How answers are compared: lower case, punctuation stripped, white space collapsed.</summary>
public static class AnswerText
{
    /// <summary>The normalised answer. An answer of punctuation alone ("+", "?") keeps it, or all such answers would be equal.</summary>
    public static string Normalize(string answer)
    {
        var stripped = Collapse(answer.Where(character => !IsPunctuation(character)));
        return stripped.Length > 0 ? stripped : Collapse(answer);
    }

    /// <summary>Whether the answer equals any of the gold answers after normalising.</summary>
    public static bool Matches(string answer, IEnumerable<string> golds)
    {
        var normalized = Normalize(answer);
        return golds.Any(gold => Normalize(gold) == normalized);
    }

    // Unicode's punctuation, and the ASCII signs that Unicode calls symbols but text treats as punctuation.
    private static bool IsPunctuation(char character) =>
        char.IsPunctuation(character) || (character < 128 && char.IsSymbol(character));

    private static string Collapse(IEnumerable<char> characters)
    {
        var text = new StringBuilder();
        var gap = false;
        foreach (var character in characters)
        {
            if (char.IsWhiteSpace(character))
            {
                gap = true;
                continue;
            }

            if (gap && text.Length > 0) text.Append(' ');
            gap = false;
            text.Append(character);
        }

        return text.ToString().ToLower(CultureInfo.InvariantCulture);
    }
}
