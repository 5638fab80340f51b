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
            Classify("1-intent-routing", SampleForm.Messages, "Which team takes this message?", grammar, new Dice(seed), "m.", wrapped: true,
                ["Harbor", "Ledger", "Workshop", "Gatehouse", "Showroom"]),
            Classify("2-review-sentiment", SampleForm.PromptCompletion, "How does the customer feel?", grammar, new Dice(seed + 1), "s.", wrapped: false,
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
            return new SampleRow("Note the order and the date.", grammar.Expand("x.message", dice, bound), $"order={bound["order"]}; date={bound["date"]}");
        });
        return Cut(name, SampleForm.Instruction, rows, dice);
    }

    /// <summary>The held-out rows ask for the trained facts in words that were not trained; each trained question comes in several wrappings.</summary>
    private static SampleTask Facts(string name, Grammar grammar, Dice dice)
    {
        var wrappings = grammar.Words("f.wrap");
        List<SampleRow> train = [], evaluation = [], development = [];
        foreach (var (answer, questions) in SampleFacts.Load())
        {
            dice.Shuffle(questions);
            evaluation.AddRange(questions.Take(2).SelectMany(question => Wrap(question, 2)));
            development.AddRange(questions.Skip(2).Take(1).SelectMany(question => Wrap(question, 3)));
            train.AddRange(questions.Skip(3).SelectMany(question => Wrap(question, 4)));

            IEnumerable<SampleRow> Wrap(string question, int count) => dice.Sample(wrappings, count)
                .Select(wrapping => new SampleRow("", wrapping.Replace("...", question, StringComparison.Ordinal), answer));
        }

        dice.Shuffle(train);
        dice.Shuffle(evaluation);
        return new SampleTask(name, SampleForm.PromptCompletion, train, evaluation, development);
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
