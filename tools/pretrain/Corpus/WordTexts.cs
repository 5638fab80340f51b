using System.Globalization;

namespace ContinualService.Pretrain.Corpus;

/// <summary>Lists and chats that work on words: repeating, first and last, counting, order, yes or no about what a text holds.</summary>
internal sealed class WordTexts(Grammar grammar, Dice dice)
{
    private static readonly string[] Lists = ["animal", "food", "color", "city", "first", "device", "job", "month", "wear", "town"];
    private static readonly string[] Places = ["first", "second", "third", "last"];

    public Document Plain()
    {
        var rule = dice.Pick(Lists);
        return Document.Plain(string.Join(dice.Chance(.5) ? ", " : "\n", Items(rule, 3 + dice.Below(5))));
    }

    public Document Chat() => dice.Below(7) switch
    {
        0 => Repeat(),
        1 or 2 => OneOf(),
        3 => Count(),
        4 => Reverse(),
        _ => YesNo(),
    };

    private List<string> Items(string rule, int count)
    {
        var items = new HashSet<string>(StringComparer.Ordinal);
        while (items.Count < count) items.Add(grammar.Expand(rule, dice));
        return [.. items];
    }

    private Document Repeat()
    {
        var text = dice.Chance(.5) ? grammar.Expand("everyday", dice) : string.Join(" ", Items(dice.Pick(Lists), 3));
        return Document.Chat(grammar.Fill("{Repeat this|Say this again|Copy the text|Write the same words}: ", dice) + text, text);
    }

    private Document OneOf()
    {
        var items = Items(dice.Pick(Lists), 4);
        var place = dice.Below(4);
        return Document.Chat($"{string.Join(", ", items)}\n" + grammar.Fill($"{{Which word is|What is|Write}} the {Places[place]} {{one|word}}?", dice), items[place]);
    }

    private Document Count()
    {
        var items = Items(dice.Pick(Lists), 1 + dice.Below(6));
        return Document.Chat(grammar.Fill("{How many words are there|Count these|How many are in the list}: ", dice) + string.Join(", ", items),
            items.Count.ToString(CultureInfo.InvariantCulture));
    }

    private Document Reverse()
    {
        var items = Items(dice.Pick(Lists), 2 + dice.Below(2));
        return Document.Chat(grammar.Fill("{Turn the list around|Write the list backwards|Reverse the list}: ", dice) + string.Join(", ", items),
            string.Join(", ", Enumerable.Reverse(items)));
    }

    private Document YesNo()
    {
        var instruction = grammar.Expand("yesno", dice);
        if (dice.Chance(.4))
        {
            var items = Items(dice.Pick(Lists), 4);
            var inside = dice.Chance(.5);
            var asked = inside ? dice.Pick(items) : grammar.Expand(dice.Pick(Lists), dice);
            return Document.Chat($"{string.Join(", ", items)}\nIs {asked} in the list? {instruction}", items.Contains(asked) ? "yes" : "no");
        }

        // About a text's subject, opinion or topic.
        var labels = dice.Pick(Labels.All);
        var rules = dice.Sample(labels.Names.Keys, 2);
        var name = dice.Pick(labels.Names[rules[0]]);
        var right = dice.Chance(.5);
        var text = grammar.Expand(right ? rules[0] : rules[1], dice);
        return Document.Chat($"{text}\nIs the {labels.Noun} {name}? {instruction}", right ? "yes" : "no");
    }
}
