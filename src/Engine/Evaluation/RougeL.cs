using System.Text;

namespace ContinualService.Engine.Evaluation;

/// <summary>
/// Rouge-L F1 with stemming, as in Google's rouge_score: lower case, everything but a-z and 0-9 separates words, words of more than three
/// characters are stemmed, F1 of the longest common subsequence.
/// </summary>
public static class RougeL
{
    private const int LongestUnstemmed = 3;

    /// <summary>
    /// F1 in [0, 1] against the best of the gold answers. A gold answer without a single such word (another script, or punctuation alone)
    /// counts 1 where the answer equals it after normalising: rouge_score would give 0 to any answer.
    /// </summary>
    public static double Score(string answer, IEnumerable<string> golds)
    {
        var words = Words(answer);
        var best = 0.0;
        foreach (var gold in golds)
        {
            var goldWords = Words(gold);
            var score = goldWords.Count > 0 ? F1(words, goldWords) : AnswerText.Matches(answer, [gold]) ? 1 : 0;
            best = Math.Max(best, score);
        }

        return best;
    }

    internal static List<string> Words(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var character in text.ToLowerInvariant().Append(' '))
        {
            if (char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character))
            {
                word.Append(character);
            }
            else if (word.Length > 0)
            {
                words.Add(word.Length > LongestUnstemmed ? PorterStemmer.Stem(word.ToString()) : word.ToString());
                word.Clear();
            }
        }

        return words;
    }

    private static double F1(List<string> answer, List<string> gold)
    {
        var common = CommonSubsequence(answer, gold);
        if (common == 0) return 0;
        var precision = (double)common / answer.Count;
        var recall = (double)common / gold.Count;
        return 2 * precision * recall / (precision + recall);
    }

    private static int CommonSubsequence(List<string> first, List<string> second)
    {
        var lengths = new int[second.Count + 1]; // of the prefixes of `second`, for the words of `first` so far
        foreach (var word in first)
        {
            var diagonal = 0;
            for (var index = 1; index <= second.Count; index++)
            {
                var above = lengths[index];
                lengths[index] = word == second[index - 1] ? diagonal + 1 : Math.Max(above, lengths[index - 1]);
                diagonal = above;
            }
        }

        return lengths[^1];
    }
}
