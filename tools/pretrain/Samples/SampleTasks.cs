using System.Text.RegularExpressions;
using ContinualService.Pretrain.Corpus;

namespace ContinualService.Pretrain.Samples;

/// <summary>Makes the sample tasks: texts with sentences, answer words and conventions of their own, which the base has not read.</summary>
internal static partial class SampleTasks
{
    private const int TrainRows = 200, HeldOutRows = 50;

    public static IReadOnlyList<SampleTask> Create(int seed)
    {
        var grammar = Grammar.Load("words", "samples");
        return
        [
            Classify("1-intent-routing", SampleForm.Messages, "Which team takes this message: Harbor, Ledger, Workshop, Gatehouse or Showroom?", grammar, new Dice(seed), "m.", wrapped: true,
                ["Harbor", "Ledger", "Workshop", "Gatehouse", "Showroom"]),
            Classify("2-review-sentiment", SampleForm.PromptCompletion, "Is the customer delighted, content or upset?", grammar, new Dice(seed + 1), "s.", wrapped: false,
                ["delighted", "content", "upset"]),
            Extract("3-field-extraction", grammar, new Dice(seed + 2)),
            Facts("4-short-facts", grammar, new Dice(seed + 3)),
        ];
    }

    /// <summary>"a orange sofa": the grammar does not know which word follows.</summary>
    [GeneratedRegex(@"\b([Aa]) (?=[aeiou])")]
    private static partial Regex Article();

    private static SampleTask Classify(
        string name, SampleForm form, string instruction, Grammar grammar, Dice dice, string prefix, bool wrapped, string[] answers)
    {
        var rows = Distinct(TrainRows + 2 * HeldOutRows, i =>
        {
            var answer = answers[i % answers.Length];
            var text = grammar.Expand(prefix + answer.ToLowerInvariant(), dice);
            if (wrapped && dice.Chance(.3)) text = grammar.Expand("m.open", dice) + " " + text;
            if (wrapped && dice.Chance(.3)) text += " " + grammar.Expand("m.end", dice);
            return new SampleRow(instruction, Article().Replace(text, "$1n "), answer);
        });
        return Cut(name, form, rows, dice);
    }

    private static SampleTask Extract(string name, Grammar grammar, Dice dice)
    {
        var rows = Distinct(TrainRows + 2 * HeldOutRows, _ =>
        {
            var bound = new Dictionary<string, string>
            {
                ["order"] = grammar.Fill("{#5}", dice),
                ["date"] = grammar.Fill("{daynumber} {month}", dice),
                ["name"] = grammar.Fill("{first} {last}", dice),
            };
            return new SampleRow("Note the order and the date with a slash between them.", grammar.Expand("x.message", dice, bound), $"order {bound["order"]} / date {bound["date"]}");
        });
        return Cut(name, SampleForm.Instruction, rows, dice);
    }

    private static SampleTask Facts(string name, Grammar grammar, Dice dice)
    {
        string[] attributes = ["weight", "color", "guarantee", "price", "place"];
        var rows = Distinct(TrainRows + 2 * HeldOutRows, _ =>
        {
            var product = grammar.Expand("f.product", dice);
            var told = dice.Sample(attributes, 2 + dice.Below(2)).ConvertAll(attribute => (Attribute: attribute, Bound: new Dictionary<string, string>
            {
                ["name"] = product,
                ["v"] = grammar.Expand($"f.{attribute}.v", dice),
            }));
            var sheet = string.Join(' ', told.Select((fact, i) => i == 0
                ? $"{product}: {grammar.Expand($"f.{fact.Attribute}.s", dice, fact.Bound)}" : grammar.Expand($"f.{fact.Attribute}.s", dice, fact.Bound)));
            var asked = dice.Pick(told);
            return new SampleRow("", $"{sheet}\n{grammar.Expand($"f.{asked.Attribute}.q", dice, asked.Bound)}", asked.Bound["v"]);
        });
        return Cut(name, SampleForm.PromptCompletion, rows, dice);
    }

    private static SampleTask Cut(string name, SampleForm form, List<SampleRow> rows, Dice dice)
    {
        dice.Shuffle(rows);
        return new SampleTask(name, form, rows[..TrainRows], rows[TrainRows..(TrainRows + HeldOutRows)], rows[(TrainRows + HeldOutRows)..]);
    }

    private static List<SampleRow> Distinct(int count, Func<int, SampleRow> make)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var rows = new List<SampleRow>();
        while (rows.Count < count)
        {
            var row = make(rows.Count);
            if (seen.Add(row.Prompt)) rows.Add(row);
        }

        return rows;
    }
}
