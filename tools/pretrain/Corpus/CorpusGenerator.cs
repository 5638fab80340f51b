namespace ContinualService.Pretrain.Corpus;

/// <summary>The text that the base model is pretrained on: an endless stream of short documents, the same for the same seed.</summary>
internal sealed class CorpusGenerator
{
    /// <summary>Every grammar file but that of the sample tasks, which the base must not have read.</summary>
    internal static readonly string[] Files = ["words", "support", "reviews", "everyday", "records", "facts", "prompts"];

    private readonly Dice _dice;
    private readonly Grammar _grammar;
    private readonly ClassificationTexts _classification;
    private readonly RecordTexts _records;
    private readonly FactTexts _facts;
    private readonly WordTexts _words;
    private readonly CopyTexts _copies;
    private int _leadingCopies;


    /// <param name="seed">Of the fixed world and of the documents.</param>
    /// <param name="leadingCopies">Documents of pure copying before the mixture.</param>
    public CorpusGenerator(int seed, int leadingCopies = 0)
    {
        _leadingCopies = leadingCopies;
        _dice = new Dice(seed);
        _grammar = Grammar.Load(Files);
        _classification = new ClassificationTexts(_grammar, _dice);
        _records = new RecordTexts(_grammar, _dice);
        _facts = new FactTexts(_grammar, _dice);
        _words = new WordTexts(_grammar, _dice);
        _copies = new CopyTexts(_grammar, _dice);
    }

    public Document Next() => _leadingCopies > 0 && _leadingCopies-- > 0 ? _copies.Next() : Mixed();

    private Document Mixed() => _dice.Below(100) switch
    {
        < 3 => Paragraph("everyday"),
        < 5 => Paragraph("review"),
        < 7 => Document.Plain(_grammar.Expand("support", _dice)),
        < 9 => _records.Plain(),
        < 11 => _facts.Plain(),
        < 12 => _words.Plain(),
        < 13 => SmallTalk(),
        < 30 => _copies.Next(),
        < 58 => _classification.Next(),
        < 78 => _records.Chat(),
        < 81 => _facts.FromMemory(),
        < 90 => _facts.FromContext(),
        _ => _words.Chat(),
    };

    private Document Paragraph(string rule) =>
        Document.Plain(string.Join(" ", Enumerable.Range(0, 1 + _dice.Below(3)).Select(_ => _grammar.Expand(rule, _dice))));

    private Document SmallTalk()
    {
        var questions = _grammar.Words("smalltalk.in");
        var chosen = _dice.Below(questions.Count);
        return Document.Chat(questions[chosen], _grammar.Words("smalltalk.out")[chosen]);
    }
}
