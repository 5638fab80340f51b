namespace ContinualService.Pretrain.Corpus;

/// <summary>Order, invoice and appointment messages, and chats that ask for one or several of their fields.</summary>
internal sealed class RecordTexts(Grammar grammar, Dice dice)
{
    private static readonly string[] Fields = ["order", "name", "city", "date", "time", "product", "amount", "company"];

    public Document Plain() => Document.Plain(Message(out _));

    public Document Chat()
    {
        var message = Message(out var fields);
        var asked = dice.Sample(fields.Keys, dice.Chance(.55) ? 1 : 2 + dice.Below(2));
        if (asked.Count == 1)
        {
            var field = asked[0];
            var instruction = dice.Chance(.5)
                ? grammar.Expand($"ask.{field}", dice)
                : grammar.Expand("extract.one", dice, new Dictionary<string, string> { ["field"] = Name(field) });
            return Layout(instruction, message, fields[field]);
        }

        var names = asked.ConvertAll(Name);
        var listed = string.Join(", ", names.SkipLast(1)) + " and " + names[^1];
        var ask = grammar.Expand("extract.many", dice, new Dictionary<string, string> { ["field"] = listed });
        var answer = dice.Below(4) switch
        {
            0 => string.Join(", ", asked.Select(field => fields[field])),
            1 => string.Join("\n", asked.Select((field, i) => $"{names[i]}: {fields[field]}")),
            2 => string.Join(" | ", asked.Select(field => fields[field])),
            _ => "{" + string.Join(", ", asked.Select((field, i) => $"\"{names[i]}\": \"{fields[field]}\"")) + "}",
        };
        return Layout(ask + Style(answer), message, answer);
    }

    private string Name(string field) => grammar.Expand($"field.{field}", dice);

    /// <summary>Says which form is wanted, so that the answer follows from the prompt.</summary>
    private static string Style(string answer) => answer switch
    {
        ['{', ..] => " Use JSON.",
        _ when answer.Contains('\n', StringComparison.Ordinal) => " One line each.",
        _ when answer.Contains(" | ", StringComparison.Ordinal) => " Put | between them.",
        _ => " Put commas between them.",
    };

    private string Message(out Dictionary<string, string> fields)
    {
        var bound = new Dictionary<string, string>
        {
            ["order"] = grammar.Fill("{{#5}|{#4}|{#6}}", dice),
            ["name"] = grammar.Fill("{first} {last}", dice),
            ["city"] = grammar.Fill("{{city}|{town}}", dice),
            ["date"] = grammar.Expand("date", dice),
            ["time"] = grammar.Expand("time", dice),
            ["product"] = grammar.Expand("product", dice),
            ["amount"] = grammar.Expand("amount", dice),
            ["company"] = grammar.Expand("company", dice),
        };
        var message = grammar.Expand("record", dice, bound);
        fields = Fields.Where(field => message.Contains(bound[field], StringComparison.Ordinal)).ToDictionary(field => field, field => bound[field]);
        return message;
    }

    private Document Layout(string instruction, string message, string answer) => Document.Chat(
        dice.Chance(.5) ? $"{instruction}\n{message}" : $"{grammar.Expand("marker", dice)} {message}\n{instruction}", answer);
}
