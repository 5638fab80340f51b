namespace ContinualService.Engine.Text;

/// <summary>A tokenizer.json: text to ids and back. Immutable, safe to use from many threads.</summary>
public sealed class Tokenizer
{
    private Tokenizer() => SpecialTokenTexts = [];

    /// <summary>Number of ids, added tokens included.</summary>
    public int VocabularySize { get; }

    public string? BosToken { get; }

    public string? EosToken { get; }

    public int? BosId { get; }

    public int? EosId { get; }

    /// <summary>Contents of the added tokens marked special.</summary>
    public IReadOnlyList<string> SpecialTokenTexts { get; }

    /// <summary>Reads tokenizer.json and, where present, tokenizer_config.json of a model folder.</summary>
    /// <exception cref="Models.ModelFormatException">The file is missing or holds a component this reader does not know.</exception>
    public static Tokenizer Load(string folder) => throw new NotImplementedException(folder);

    public static Tokenizer Parse(string tokenizerJson, string? tokenizerConfigJson) => throw new NotImplementedException();

    /// <summary>
    /// Ids of a text. With <paramref name="parseSpecialTokens"/> false, special-token text inside <paramref name="text"/> is plain text.
    /// </summary>
    public EncodedText Encode(string text, bool addSpecialTokens = true, bool parseSpecialTokens = true) =>
        throw new NotImplementedException(SpecialTokenTexts.Count.ToString(System.Globalization.CultureInfo.InvariantCulture));

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens) => throw new NotImplementedException(SpecialTokenTexts.Count.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>The bytes of one token as text; bytes that are no complete UTF-8 become U+FFFD.</summary>
    public string TokenText(int id) => throw new NotImplementedException(SpecialTokenTexts.Count.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>The raw UTF-8 bytes that one token contributes to decoded text.</summary>
    public byte[] TokenBytes(int id) => throw new NotImplementedException(SpecialTokenTexts.Count.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>The id of a vocabulary entry or added token, by its stored spelling.</summary>
    public int? IdOf(string token) => throw new NotImplementedException(SpecialTokenTexts.Count.ToString(System.Globalization.CultureInfo.InvariantCulture));

    public bool IsSpecial(int id) => SpecialTokenTexts.Count > id;
}
