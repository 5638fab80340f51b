using System.Globalization;
using System.Text;

namespace ContinualService.Pretrain.Corpus;

/// <summary>
/// Rewriting rules read from the text files in Grammar/: "[rule]" opens a rule and each line below it is one alternative. In a line
/// {rule} expands a rule or a bound value, {a|b} picks one part (parts may hold braces themselves) and {#4} writes four random digits.
/// </summary>
internal sealed class Grammar
{
    private readonly Dictionary<string, List<Node[]>> _rules = new(StringComparer.Ordinal);

    private abstract record Node;

    private sealed record Literal(string Text) : Node;

    private sealed record Reference(string Rule) : Node;

    private sealed record Digits(int Count) : Node;

    private sealed record Choice(Node[][] Parts) : Node;

    /// <summary>Reads the embedded files of these names (without extension).</summary>
    public static Grammar Load(params ReadOnlySpan<string> names)
    {
        var grammar = new Grammar();
        foreach (var name in names)
        {
            using var stream = typeof(Grammar).Assembly.GetManifestResourceStream($"Grammar/{name}.txt")
                ?? throw new InvalidOperationException($"The grammar '{name}' is not embedded in this program.");
            using var reader = new StreamReader(stream);
            grammar.Add(reader.ReadToEnd());
        }

        return grammar;
    }

    /// <summary>Adds the rules of one file's text.</summary>
    /// <exception cref="FormatException">A line stands outside a rule, or a brace is not closed.</exception>
    public void Add(string source)
    {
        List<Node[]>? open = null;
        foreach (var raw in source.Split('\n'))
        {
            var line = raw.Trim();
            if (line.Length == 0 || line.StartsWith("# ", StringComparison.Ordinal)) continue;
            if (line[0] == '[' && line[^1] == ']')
            {
                open = [];
                _rules.Add(line[1..^1], open);
                continue;
            }

            if (open is null) throw new FormatException($"'{line}' stands outside a rule.");
            open.Add(Parse(line));
        }
    }

    public bool Has(string rule) => _rules.ContainsKey(rule);

    /// <summary>Every alternative of a rule whose alternatives are plain words.</summary>
    public IReadOnlyList<string> Words(string rule) =>
        [.. _rules[rule].Select(nodes => nodes is [Literal literal] ? literal.Text : "").Where(word => word.Length > 0)];

    public string Expand(string rule, Dice dice, IReadOnlyDictionary<string, string>? bound = null)
    {
        var text = new StringBuilder();
        Write(text, dice.Pick(_rules[rule]), dice, bound);
        return text.ToString();
    }

    /// <summary>Expands a text that is no rule of its own.</summary>
    public string Fill(string template, Dice dice, IReadOnlyDictionary<string, string>? bound = null)
    {
        var text = new StringBuilder();
        Write(text, Parse(template), dice, bound);
        return text.ToString();
    }

    private void Write(StringBuilder text, Node[] nodes, Dice dice, IReadOnlyDictionary<string, string>? bound)
    {
        foreach (var node in nodes)
        {
            switch (node)
            {
                case Literal literal:
                    text.Append(literal.Text);
                    break;
                case Digits digits:
                    // No leading zero: the number reads as one that a person would write.
                    text.Append((char)('1' + dice.Below(9)));
                    for (var i = 1; i < digits.Count; i++) text.Append((char)('0' + dice.Below(10)));
                    break;
                case Choice choice:
                    Write(text, dice.Pick(choice.Parts), dice, bound);
                    break;
                case Reference reference when bound is not null && bound.TryGetValue(reference.Rule, out var value):
                    text.Append(value);
                    break;
                case Reference reference when _rules.TryGetValue(reference.Rule, out var alternatives):
                    Write(text, dice.Pick(alternatives), dice, bound);
                    break;
                case Reference reference:
                    throw new FormatException($"'{{{reference.Rule}}}' is neither a rule nor a bound value.");
            }
        }
    }

    private static Node[] Parse(string line)
    {
        var nodes = new List<Node>();
        var at = 0;
        while (at < line.Length)
        {
            var brace = line.IndexOf('{', at);
            if (brace < 0) brace = line.Length;
            if (brace > at) nodes.Add(new Literal(line[at..brace]));
            if (brace == line.Length) break;
            var end = ClosingBrace(line, brace);
            nodes.Add(ParseBraces(line[(brace + 1)..end]));
            at = end + 1;
        }

        return [.. nodes];
    }

    private static Node ParseBraces(string inner)
    {
        if (inner[0] == '#') return new Digits(int.Parse(inner.AsSpan(1), CultureInfo.InvariantCulture));
        var parts = SplitOutsideBraces(inner);
        return parts.Count == 1 ? new Reference(inner) : new Choice([.. parts.Select(Parse)]);
    }

    private static int ClosingBrace(string line, int open)
    {
        var depth = 0;
        for (var i = open; i < line.Length; i++)
        {
            if (line[i] == '{') depth++;
            if (line[i] == '}' && --depth == 0) return i;
        }

        throw new FormatException($"A brace is not closed in '{line}'.");
    }

    private static List<string> SplitOutsideBraces(string inner)
    {
        var parts = new List<string>();
        int depth = 0, start = 0;
        for (var i = 0; i <= inner.Length; i++)
        {
            if (i < inner.Length && inner[i] == '{') depth++;
            if (i < inner.Length && inner[i] == '}') depth--;
            if (i < inner.Length && (inner[i] != '|' || depth > 0)) continue;
            parts.Add(inner[start..i]);
            start = i + 1;
        }

        return parts;
    }
}
