namespace ContinualService.Pretrain.Corpus;

/// <summary>
/// Chats whose answer stands in the prompt word for word. Every token of such an answer teaches the model to find and copy, which all the
/// extraction and reading tasks build on; without them copying is learned late.
/// </summary>
internal sealed class CopyTexts(Grammar grammar, Dice dice)
{
    private static readonly string[] Pieces = ["first", "last", "city", "town", "product", "animal", "color", "company", "date", "time", "amount", "food", "job"];

    public Document Next()
    {
        var pieces = Enumerable.Range(0, 4 + dice.Below(8)).Select(_ => Piece()).ToList();
        var text = string.Join(dice.Pick<string>([" ", ", ", " | ", "\n"]), pieces);
        return dice.Below(4) switch
        {
            0 or 1 => Document.Chat(grammar.Fill("{Repeat this|Say this again|Copy the text|Write the same words}: ", dice) + text, text),
            2 => Document.Chat(text + grammar.Fill("\n{Write it twice|Say it two times}.", dice), text + "\n" + text),
            _ => Following(pieces),
        };
    }

    private string Piece() => dice.Chance(.2) ? grammar.Fill("{{#2}|{#4}|{#5}|{#6}}", dice) : grammar.Expand(dice.Pick(Pieces), dice);

    private Document Following(List<string> pieces)
    {
        var unique = pieces.Distinct(StringComparer.Ordinal).ToList();
        var at = dice.Below(unique.Count - 1);
        return Document.Chat($"{string.Join(", ", unique)}\n" + grammar.Fill("{What comes after|Which follows|What is next to}", dice) + $" {unique[at]}?", unique[at + 1]);
    }
}
