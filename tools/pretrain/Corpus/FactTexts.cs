namespace ContinualService.Pretrain.Corpus;

/// <summary>
/// Short encyclopedic texts about invented towns, people and companies, and questions on them: about a text in the prompt (a fresh
/// entity each time), or from memory about the entities of one small fixed world.
/// </summary>
internal sealed class FactTexts
{
    private const int WorldSize = 24;
    private static readonly Dictionary<string, string[]> Attributes = new()
    {
        ["town"] = ["river", "known", "mayor", "founded"],
        ["person"] = ["job", "city", "pet", "color"],
        ["company"] = ["makes", "city", "founder", "year"],
    };

    private readonly Grammar _grammar;
    private readonly Dice _dice;
    private readonly List<Entity> _world = [];

    public FactTexts(Grammar grammar, Dice dice)
    {
        _grammar = grammar;
        _dice = dice;
        for (var i = 0; i < WorldSize; i++) _world.Add(Invent());
    }

    private sealed record Entity(string Kind, string Name, Dictionary<string, string> Facts);

    public Document Plain()
    {
        var entity = _dice.Chance(.6) ? _dice.Pick(_world) : Invent();
        return Document.Plain(Describe(entity, _dice.Sample(entity.Facts.Keys, 2 + _dice.Below(3))));
    }

    /// <summary>A question from memory about the fixed world.</summary>
    public Document FromMemory()
    {
        var entity = _dice.Pick(_world);
        var asked = _dice.Pick(Attributes[entity.Kind]);
        return Document.Chat(Question(entity, asked), entity.Facts[asked]);
    }

    /// <summary>A question on a text in the prompt, sometimes followed by a second one.</summary>
    public Document FromContext()
    {
        var entity = Invent();
        var told = _dice.Sample(entity.Facts.Keys, 2 + _dice.Below(3));
        var text = Describe(entity, told);
        var asked = _dice.Pick(told);
        var question = _dice.Chance(.5) ? $"{text}\n{Question(entity, asked)}" : $"{Question(entity, asked)}\n{text}";
        if (_dice.Chance(.7)) return Document.Chat(question, entity.Facts[asked]);
        var next = _dice.Pick(told);
        return new Document("",
        [
            new Turn("user", question), new Turn("assistant", entity.Facts[asked]),
            new Turn("user", Question(entity, next)), new Turn("assistant", entity.Facts[next]),
        ]);
    }

    private string Question(Entity entity, string attribute) => _grammar.Expand($"{entity.Kind}.{attribute}.q", _dice, Bind(entity, attribute));

    private string Describe(Entity entity, List<string> told) =>
        string.Join(" ", told.Select(attribute => _grammar.Expand($"{entity.Kind}.{attribute}.s", _dice, Bind(entity, attribute))));

    private static Dictionary<string, string> Bind(Entity entity, string attribute) =>
        new() { ["name"] = entity.Name, ["v"] = entity.Facts[attribute] };

    private Entity Invent()
    {
        string Fill(string template) => _grammar.Fill(template, _dice);
        return _dice.Below(3) switch
        {
            0 => new Entity("town", Fill("{town}"), new()
            {
                ["river"] = Fill("{syl1}{a|en|is}"),
                ["known"] = Fill("{adj} {place}"),
                ["mayor"] = Fill("{first} {last}"),
                ["founded"] = Fill("{year}"),
            }),
            1 => new Entity("person", Fill("{first} {last}"), new()
            {
                ["job"] = Fill("{job}"),
                ["city"] = Fill("{{city}|{town}}"),
                ["pet"] = Fill("{animal}"),
                ["color"] = Fill("{color}"),
            }),
            _ => new Entity("company", Fill("{company}"), new()
            {
                ["makes"] = Fill("{device}"),
                ["city"] = Fill("{{city}|{town}}"),
                ["founder"] = Fill("{first} {last}"),
                ["year"] = Fill("{year}"),
            }),
        };
    }
}
