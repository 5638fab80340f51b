namespace ContinualService.Pretrain.Corpus;

/// <summary>Chats that ask for the class of a text: options listed, left open, renamed by the prompt, or shown by examples.</summary>
internal sealed class ClassificationTexts(Grammar grammar, Dice dice)
{
    public Document Next()
    {
        var labels = dice.Pick(Labels.All);
        return dice.Below(10) switch
        {
            < 4 => Listed(labels),
            < 6 => Open(labels),
            < 8 => Mapped(labels),
            _ => FewShot(labels),
        };
    }

    /// <summary>A text of the class, with other sentences around it where the class is a message's subject.</summary>
    public string TextOf(string rule)
    {
        var core = grammar.Expand(rule, dice);
        if (!rule.StartsWith("t.", StringComparison.Ordinal)) return core;
        return grammar.Expand("support", dice, new Dictionary<string, string> { ["issue"] = core });
    }

    private Document Listed(Labels labels)
    {
        var rules = dice.Sample(labels.Names.Keys, 2 + dice.Below(4));
        var names = rules.ConvertAll(rule => dice.Pick(labels.Names[rule]));
        var chosen = dice.Below(rules.Count);
        var instruction = grammar.Expand("classify.listed", dice, Bind(labels.Noun, string.Join(dice.Chance(.7) ? ", " : " or ", names)));
        return Layout(instruction, TextOf(rules[chosen]), names[chosen]);
    }

    private Document Open(Labels labels)
    {
        var rule = dice.Pick(labels.Names.Keys.ToList());
        return Layout(grammar.Expand("classify.open", dice, Bind(labels.Noun, "")), TextOf(rule), labels.Names[rule][0]);
    }

    private Document Mapped(Labels labels)
    {
        var rules = dice.Sample(labels.Names.Keys, 2 + dice.Below(3));
        var codes = dice.Sample(Labels.Codes, rules.Count);
        var chosen = dice.Below(rules.Count);
        var join = dice.Pick<string>([" for ", " = ", " if it is "]);
        var options = string.Join(", ", rules.Select((rule, i) => $"{codes[i]}{join}{dice.Pick(labels.Names[rule])}"));
        return Layout(grammar.Expand("classify.map", dice, Bind("label", options)), TextOf(rules[chosen]), codes[chosen]);
    }

    private Document FewShot(Labels labels)
    {
        var rules = dice.Sample(labels.Names.Keys, 2 + dice.Below(2));
        var names = dice.Chance(.5) ? dice.Sample(Labels.Codes, rules.Count) : rules.ConvertAll(rule => dice.Pick(labels.Names[rule]));
        var order = Enumerable.Range(0, rules.Count).Concat([dice.Below(rules.Count)]).ToList();
        dice.Shuffle(order);
        var marker = grammar.Expand("marker", dice);
        var lines = order.Select(i => $"{marker} {grammar.Expand(rules[i], dice)}\n{names[i]}");
        var asked = dice.Below(rules.Count);
        return Document.Chat(string.Join("\n", lines) + $"\n{marker} {grammar.Expand(rules[asked], dice)}", names[asked]);
    }

    private Document Layout(string instruction, string text, string answer)
    {
        var question = dice.Below(4) switch
        {
            0 => $"{instruction}\n{grammar.Expand("marker", dice)} {text}",
            1 => $"{instruction}\n{text}",
            2 => $"{text}\n{instruction}",
            _ => $"{grammar.Expand("marker", dice)} {text}\n{instruction}",
        };
        return Document.Chat(question, answer);
    }

    private static Dictionary<string, string> Bind(string noun, string options) => new() { ["noun"] = noun, ["options"] = options };
}
