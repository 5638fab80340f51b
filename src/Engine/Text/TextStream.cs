namespace ContinualService.Engine.Text;

/// <summary>Decodes ids one at a time, holding back what a later id may still change; the pieces add up to the decoded whole.</summary>
public sealed class TextStream(Tokenizer tokenizer)
{
    /// <summary>The text that is now certain, possibly empty.</summary>
    public string Append(int id) => throw new NotImplementedException($"{tokenizer.VocabularySize} {id}");

    /// <summary>The held-back rest; an incomplete character becomes U+FFFD.</summary>
    public string Flush() => throw new NotImplementedException();
}
