using ContinualService.Engine.Text.Tokenization;

namespace ContinualService.Engine.Text;

/// <summary>
/// Decodes ids one at a time, holding back what a later id may still change (an incomplete character, a run of byte tokens);
/// the pieces and the flushed rest add up to what <see cref="Tokenizer.Decode"/> gives for all the ids. For one text and one thread.
/// </summary>
public sealed class TextStream(Tokenizer tokenizer, bool skipSpecialTokens = true)
{
    private readonly DecodePipeline _pipeline = tokenizer.NewPipeline();

    /// <summary>The text that is now certain, possibly empty.</summary>
    public string Append(int id)
    {
        tokenizer.Push(_pipeline, id, skipSpecialTokens);
        return _pipeline.Take();
    }

    /// <summary>Begins after the text of these ids instead of as a text of its own: what only the beginning of a text loses, such as a space, stays.</summary>
    public void Follow(ReadOnlySpan<int> ids)
    {
        foreach (var id in ids) tokenizer.Push(_pipeline, id, skipSpecialTokens);
        _ = Flush();
    }

    /// <summary>The held-back rest; an incomplete character becomes U+FFFD. What is appended afterwards goes on from there.</summary>
    public string Flush()
    {
        _pipeline.Finish();
        return _pipeline.Take();
    }
}
