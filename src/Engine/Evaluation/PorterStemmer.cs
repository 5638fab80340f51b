namespace ContinualService.Engine.Evaluation;

/// <summary>
/// The stemmer of M. F. Porter, "An algorithm for suffix stripping" (1980), with the departures that NLTK makes by default
/// (short "ies"/"ied" words, "y" after a consonant, "bli", "fulli", "logi", a list of exceptions), since rouge_score stems with NLTK.
/// Words are lower-case a-z and 0-9.
/// </summary>
internal static class PorterStemmer
{
    private static readonly Dictionary<string, string> Exceptions = new()
    {
        ["sky"] = "sky",
        ["skies"] = "sky",
        ["dying"] = "die",
        ["lying"] = "lie",
        ["tying"] = "tie",
        ["news"] = "news",
        ["innings"] = "inning",
        ["inning"] = "inning",
        ["outings"] = "outing",
        ["outing"] = "outing",
        ["cannings"] = "canning",
        ["canning"] = "canning",
        ["howe"] = "howe",
        ["proceed"] = "proceed",
        ["exceed"] = "exceed",
        ["succeed"] = "succeed",
    };

    // Only the first suffix of a list that fits is tried, so the order matters where one ends in another.
    private static readonly (string Suffix, string Replacement)[] Step2Suffixes =
    [
        ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"), ("alli", "al"),
        ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"),
        ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"), ("fulli", "ful"),
    ];

    private static readonly (string Suffix, string Replacement)[] Step3Suffixes =
        [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

    private static readonly string[] Step4Suffixes =
    [
        "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti", "ous", "ive", "ize",
    ];

    /// <summary>The stem of a word.</summary>
    public static string Stem(string word)
    {
        if (Exceptions.TryGetValue(word, out var stem)) return stem;
        if (word.Length <= 2) return word;
        return Step5(Step4(Replace(Step2(Step1Y(Step1Past(Step1Plural(word)))), Step3Suffixes)));
    }

    private static string Step1Plural(string word)
    {
        if (word.EndsWith("sses", StringComparison.Ordinal)) return word[..^2];
        if (word.EndsWith("ies", StringComparison.Ordinal)) return word.Length == 4 ? word[..^1] : word[..^2];
        return word.EndsWith('s') && !word.EndsWith("ss", StringComparison.Ordinal) ? word[..^1] : word;
    }

    private static string Step1Past(string word)
    {
        if (word.EndsWith("ied", StringComparison.Ordinal)) return word.Length == 4 ? word[..^1] : word[..^2];
        if (word.EndsWith("eed", StringComparison.Ordinal)) return Measure(word[..^3]) > 0 ? word[..^1] : word;
        var cut = word.EndsWith("ed", StringComparison.Ordinal) ? 2 : word.EndsWith("ing", StringComparison.Ordinal) ? 3 : 0;
        if (cut == 0 || !HasVowel(word[..^cut])) return word;

        var stem = word[..^cut];
        if (stem.EndsWith("at", StringComparison.Ordinal) || stem.EndsWith("bl", StringComparison.Ordinal) || stem.EndsWith("iz", StringComparison.Ordinal))
            return stem + "e";
        if (EndsInDoubleConsonant(stem)) return stem[^1] is 'l' or 's' or 'z' ? stem : stem[..^1];
        return Measure(stem) == 1 && EndsShort(stem) ? stem + "e" : stem;
    }

    private static string Step1Y(string word) =>
        word.Length > 2 && word[^1] == 'y' && IsConsonant(word, word.Length - 2) ? word[..^1] + "i" : word;

    private static string Step2(string word)
    {
        if (word.EndsWith("alli", StringComparison.Ordinal) && Measure(word[..^4]) > 0) return Step2(word[..^2]);
        // "logi" keeps its "l" and "o" when the stem is measured, so that "geology" and "theology" lose the ending alike.
        if (word.EndsWith("logi", StringComparison.Ordinal)) return Measure(word[..^3]) > 0 ? word[..^1] : word;
        return Replace(word, Step2Suffixes);
    }

    private static string Step4(string word)
    {
        foreach (var suffix in Step4Suffixes)
        {
            if (!word.EndsWith(suffix, StringComparison.Ordinal)) continue;
            var stem = word[..^suffix.Length];
            var fits = Measure(stem) > 1 && (suffix != "ion" || stem[^1] is 's' or 't');
            return fits ? stem : word;
        }

        return word;
    }

    private static string Step5(string word)
    {
        if (word.EndsWith('e'))
        {
            var stem = word[..^1];
            var measure = Measure(stem);
            if (measure > 1 || (measure == 1 && !EndsShort(stem))) word = stem;
        }

        return word.EndsWith("ll", StringComparison.Ordinal) && Measure(word[..^1]) > 1 ? word[..^1] : word;
    }

    private static string Replace(string word, (string Suffix, string Replacement)[] rules)
    {
        foreach (var (suffix, replacement) in rules)
        {
            if (!word.EndsWith(suffix, StringComparison.Ordinal)) continue;
            var stem = word[..^suffix.Length];
            return Measure(stem) > 0 ? stem + replacement : word;
        }

        return word;
    }

    // Porter's m: how often a vowel is followed by a consonant.
    private static int Measure(string stem)
    {
        var count = 0;
        for (var index = 1; index < stem.Length; index++)
            if (!IsConsonant(stem, index - 1) && IsConsonant(stem, index)) count++;
        return count;
    }

    private static bool HasVowel(string stem) => Enumerable.Range(0, stem.Length).Any(index => !IsConsonant(stem, index));

    // "y" is a vowel after a consonant, and a consonant elsewhere.
    private static bool IsConsonant(string word, int index) => word[index] switch
    {
        'a' or 'e' or 'i' or 'o' or 'u' => false,
        'y' => index == 0 || !IsConsonant(word, index - 1),
        _ => true,
    };

    private static bool EndsInDoubleConsonant(string stem) =>
        stem.Length >= 2 && stem[^1] == stem[^2] && IsConsonant(stem, stem.Length - 1);

    // Porter's *o: consonant, vowel, consonant other than w, x, y; and NLTK's two-letter "vowel, consonant".
    private static bool EndsShort(string stem)
    {
        var last = stem.Length - 1;
        if (last == 1) return !IsConsonant(stem, 0) && IsConsonant(stem, 1);
        return last >= 2 && IsConsonant(stem, last - 2) && !IsConsonant(stem, last - 1) && IsConsonant(stem, last) && stem[last] is not ('w' or 'x' or 'y');
    }
}
