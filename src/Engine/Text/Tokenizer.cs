using System.Text;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text.Tokenization;

namespace ContinualService.Engine.Text;

/// <summary>A tokenizer.json: text to ids and back. Immutable, safe to use from many threads.</summary>
public sealed class Tokenizer
{
    private readonly TokenizerParts _parts;
    private readonly Dictionary<string, int> _ids;
    private readonly string?[] _tokens;
    private readonly HashSet<int> _special;
    private readonly AddedTokenSet _addedRaw;
    private readonly AddedTokenSet? _addedNormalized;

    private Tokenizer(TokenizerParts parts)
    {
        _parts = parts;
        _ids = new Dictionary<string, int>(parts.Vocabulary, StringComparer.Ordinal);
        foreach (var token in parts.AddedTokens)
            _ids[token.Content] = token.Id;
        _tokens = new string?[_ids.Count == 0 ? 0 : _ids.Values.Max() + 1];
        foreach (var (text, id) in parts.Vocabulary)
            _tokens[id] = text;
        foreach (var token in parts.AddedTokens)
            _tokens[token.Id] = token.Content;
        _special = [.. parts.AddedTokens.Where(t => t.Special).Select(t => t.Id)];
        SpecialTokenTexts = [.. parts.AddedTokens.Where(t => t.Special).Select(t => t.Content)];
        _addedRaw = new AddedTokenSet(parts.AddedTokens.Where(t => !t.Normalized).Select(t => (t, t.Content)));
        var normalized = parts.AddedTokens.Where(t => t.Normalized).Select(t => (t, Normalize(new AlignedText(t.Content)).Text)).ToList();
        _addedNormalized = normalized.Count > 0 ? new AddedTokenSet(normalized) : null;
        BosId = BosToken is null ? null : IdOf(BosToken);
        EosId = EosToken is null ? null : IdOf(EosToken);
    }

    /// <summary>Number of ids, added tokens included: one more than the highest. A model's embedding may have more rows.</summary>
    public int VocabularySize => _tokens.Length;

    public string? BosToken => _parts.BosToken;

    public string? EosToken => _parts.EosToken;

    public int? BosId { get; }

    public int? EosId { get; }

    /// <summary>Contents of the added tokens marked special.</summary>
    public IReadOnlyList<string> SpecialTokenTexts { get; }

    /// <summary>Reads tokenizer.json and, where present, tokenizer_config.json of a model folder.</summary>
    /// <exception cref="ModelFormatException">tokenizer.json is missing or holds something this reader does not know.</exception>
    public static Tokenizer Load(string folder)
    {
        var path = Path.Combine(folder, "tokenizer.json");
        if (!File.Exists(path))
            throw new ModelFormatException($"{path} is missing. Add the model's tokenizer.json; other tokenizer files are not read.");
        var config = Path.Combine(folder, "tokenizer_config.json");
        return new Tokenizer(TokenizerReader.Read(File.ReadAllText(path), File.Exists(config) ? File.ReadAllText(config) : null, path));
    }

    /// <inheritdoc cref="Load"/>
    public static Tokenizer Parse(string tokenizerJson, string? tokenizerConfigJson) =>
        new(TokenizerReader.Read(tokenizerJson, tokenizerConfigJson, "tokenizer.json"));

    /// <summary>The ids of a text. An unpaired surrogate counts as U+FFFD.</summary>
    /// <param name="text">Any string.</param>
    /// <param name="addSpecialTokens">Adds what the post-processor puts around a text, such as the begin-of-text token.</param>
    /// <param name="parseSpecialTokens">False: special-token text inside <paramref name="text"/> is plain text.</param>
    public EncodedText Encode(string text, bool addSpecialTokens = true, bool parseSpecialTokens = true) =>
        Encode(text, addSpecialTokens, parseSpecialTokens, null);

    /// <inheritdoc cref="Encode(string, bool, bool)"/>
    /// <param name="barriers">Places that no special token lies across: what a user wrote stays plain text there.</param>
    internal EncodedText Encode(string text, bool addSpecialTokens, bool parseSpecialTokens, SpecialTokenBarriers? barriers)
    {
        var ids = new List<int>(text.Length / 3);
        var offsets = new List<(int, int)>(text.Length / 3);
        if (addSpecialTokens)
            Surround(_parts.Prefix, 0);

        // Step 1: added tokens of the raw text, which keep the normalizer off their neighbours: each stretch between is normalized alone.
        foreach (var (raw, token) in _addedRaw.Split(new AlignedText(WithoutLoneSurrogates(text)), parseSpecialTokens, barriers))
        {
            if (token is not null)
            {
                Add(token.Id, raw.Range(0, raw.Text.Length));
                continue;
            }

            // Step 2: normalize, then the added tokens that are looked for in normalized text.
            var normalized = Normalize(raw);
            foreach (var (piece, inner) in _addedNormalized?.Split(normalized, parseSpecialTokens, barriers) ?? [(normalized, null)])
            {
                if (inner is not null)
                    Add(inner.Id, piece.Range(0, piece.Text.Length));
                else if (piece.Text.Length > 0)
                    AddWords(piece);
            }
        }

        if (addSpecialTokens)
            Surround(_parts.Suffix, text.Length);
        return new EncodedText([.. ids], [.. offsets]);

        // Step 3: words, then the model on each.
        void AddWords(AlignedText piece)
        {
            foreach (var word in _parts.PreTokenizer?.Split(piece) ?? [piece])
            {
                foreach (var part in _parts.Model.Encode(word.Text))
                    Add(part.Id, word.Range(part.Start, part.End));
            }
        }

        void Add(int id, (int, int) range)
        {
            ids.Add(id);
            offsets.Add(range);
        }

        void Surround(IReadOnlyList<int> added, int at)
        {
            foreach (var id in added)
                Add(id, (at, at));
        }
    }

    /// <summary>The text of ids. Ids outside the vocabulary (rows that pad an embedding) contribute nothing.</summary>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var pipeline = NewPipeline();
        foreach (var id in ids)
            Push(pipeline, id, skipSpecialTokens);
        pipeline.Finish();
        return pipeline.Take();
    }

    /// <summary>The bytes of one token as text; bytes that are no complete UTF-8 become U+FFFD.</summary>
    public string TokenText(int id) => Encoding.UTF8.GetString(TokenBytes(id));

    /// <summary>The raw UTF-8 bytes of one token wherever it stands: no leading space is stripped, a byte token is its byte.</summary>
    public byte[] TokenBytes(int id) => Token(id) is { } token ? TokenSpelling.Bytes(token, _parts.DecodeStages) : [];

    /// <summary>The id of a vocabulary entry or added token, by its stored spelling.</summary>
    public int? IdOf(string token) => _ids.TryGetValue(token, out var id) ? id : null;

    public bool IsSpecial(int id) => _special.Contains(id);

    internal DecodePipeline NewPipeline() => new([.. _parts.DecodeStages.Select(make => make())]);

    internal void Push(DecodePipeline pipeline, int id, bool skipSpecialTokens)
    {
        if (Token(id) is { } token && !(skipSpecialTokens && _special.Contains(id)))
            pipeline.Push(token);
    }

    /// <summary>Where the text holds special tokens that only normalisation shows, beyond the given barriers.</summary>
    internal IEnumerable<(int Start, int End)> FindNormalizedSpecialTokens(string text, SpecialTokenBarriers barriers) =>
        _addedNormalized?.Split(Normalize(new AlignedText(WithoutLoneSurrogates(text))), withSpecial: true, barriers)
            .Where(piece => piece.Token is { Special: true }).Select(piece => piece.Text.Range(0, piece.Text.Text.Length)) ?? [];

    private string? Token(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    private AlignedText Normalize(AlignedText text) => _parts.Normalizer?.Apply(text) ?? text;

    private static string WithoutLoneSurrogates(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            return text;
        return string.Create(text.Length, text, (chars, source) =>
        {
            source.CopyTo(chars);
            for (var i = 0; i < chars.Length; i++)
            {
                if (char.IsHighSurrogate(chars[i]) && i + 1 < chars.Length && char.IsLowSurrogate(chars[i + 1]))
                    i++;
                else if (char.IsSurrogate(chars[i]))
                    chars[i] = '\uFFFD';
            }
        });
    }
}
