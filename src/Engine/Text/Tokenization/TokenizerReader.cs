using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>All that a tokenizer.json and a tokenizer_config.json say about text and ids.</summary>
internal sealed record TokenizerParts(
    BytePairModel Model,
    IReadOnlyDictionary<string, int> Vocabulary,
    IReadOnlyList<AddedToken> AddedTokens,
    INormalizer? Normalizer,
    IPreTokenizer? PreTokenizer,
    IReadOnlyList<Func<DecodeStage>> DecodeStages,
    IReadOnlyList<int> Prefix,
    IReadOnlyList<int> Suffix,
    string? BosToken,
    string? EosToken);

/// <summary>Reads <see cref="TokenizerParts"/>.</summary>
internal static class TokenizerReader
{
    private static readonly HashSet<string> Known =
        ["version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"];

    private static readonly HashSet<string> None = [];

    /// <param name="where">Name of the file for error messages.</param>
    public static TokenizerParts Read(string tokenizerJson, string? configJson, string where)
    {
        try
        {
            using var document = JsonDocument.Parse(tokenizerJson);
            using var config = JsonDocument.Parse(configJson ?? "{}");
            return Read(document.RootElement, config.RootElement, where);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            // The JSON reader's ways of saying: no JSON, a value of another kind, a missing field.
            throw new ModelFormatException($"{where}: not a tokenizer file this service can read ({error.Message}). Download the file again.", error);
        }
    }

    private static TokenizerParts Read(JsonElement root, JsonElement config, string where)
    {
        foreach (var property in root.EnumerateObject())
        {
            if (!Known.Contains(property.Name))
                throw new ModelFormatException($"{where}: unknown field {property.Name}.");
        }

        var (model, vocabulary) = ReadModel(root.GetProperty("model"), $"{where}: model");
        var added = ReadAdded(root, config, where);
        int? Find(string? token) => token is null ? null
            : added.FirstOrDefault(t => t.Content == token)?.Id ?? (vocabulary.TryGetValue(token, out var id) ? id : null);

        var (bos, eos) = (TokenName(config, "bos_token"), TokenName(config, "eos_token"));
        List<int> prefix = [], suffix = [];
        if (ComponentReader.Open(root, "post_processor", where) is { } post)
        {
            ReadPostProcessor(post, prefix, suffix);
        }
        else
        {
            if (Flag(config, "add_bos_token") && Find(bos) is { } bosId)
                prefix.Add(bosId);
            if (Flag(config, "add_eos_token") && Find(eos) is { } eosId)
                suffix.Add(eosId);
        }

        return new TokenizerParts(
            model, vocabulary, added, ComponentReader.Normalizer(root, where), ComponentReader.PreTokenizer(root, where),
            ComponentReader.Decoder(root, where), prefix, suffix, bos, eos);
    }

    private static (BytePairModel, Dictionary<string, int>) ReadModel(JsonElement json, string where)
    {
        var type = json.TryGetProperty("type", out var value) ? value.GetString() : json.TryGetProperty("merges", out _) ? "BPE" : "(none)";
        if (type != "BPE")
            throw new ModelFormatException($"{where}: the type {type} is not supported (supported is BPE). Use a model with a BPE tokenizer.");
        string? unknown = null;
        var (fuse, fallback, ignoreMerges) = (false, false, false);
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var property in json.EnumerateObject())
        {
            switch (property.Name)
            {
                case "type" or "merges":
                    break;
                case "vocab":
                    foreach (var entry in property.Value.EnumerateObject())
                        vocabulary[entry.Name] = Checked(entry.Value.GetInt32(), where);
                    break;
                case "unk_token":
                    unknown = property.Value.GetString();
                    break;
                case "fuse_unk":
                    fuse = property.Value.GetBoolean();
                    break;
                case "byte_fallback":
                    fallback = property.Value.GetBoolean();
                    break;
                case "ignore_merges":
                    ignoreMerges = property.Value.GetBoolean();
                    break;
                case "dropout" when property.Value.ValueKind == JsonValueKind.Null || property.Value.GetDouble() == 0:
                case "continuing_subword_prefix" or "end_of_word_suffix" when string.IsNullOrEmpty(property.Value.GetString()):
                    break;
                default:
                    throw new ModelFormatException($"{where}: {property.Name} = {property.Value.GetRawText()} is not supported.");
            }
        }

        int? unknownId = unknown is null ? null : vocabulary.TryGetValue(unknown, out var id) ? id
            : throw new ModelFormatException($"{where}: unk_token {unknown} is not in the vocabulary.");
        var merges = ReadMerges(json.GetProperty("merges"), vocabulary, where);
        return (new BytePairModel(new BytePairSettings(vocabulary, merges, unknownId, fuse, fallback, ignoreMerges)), vocabulary);
    }

    private static Dictionary<(int, int), (int, int)> ReadMerges(JsonElement list, Dictionary<string, int> vocabulary, string where)
    {
        var merges = new Dictionary<(int, int), (int, int)>(list.GetArrayLength());
        var rank = 0;
        foreach (var item in list.EnumerateArray())
        {
            // "a b" in older files, ["a", "b"] in newer ones, where a token may hold a space.
            var parts = item.ValueKind == JsonValueKind.String ? item.GetString()!.Split(' ') : [.. item.EnumerateArray().Select(p => p.GetString()!)];
            if (parts.Length != 2)
                throw new ModelFormatException($"{where}: merge {rank} ({item.GetRawText()}) is no pair.");
            if (!vocabulary.TryGetValue(parts[0], out var left) || !vocabulary.TryGetValue(parts[1], out var right)
                || !vocabulary.TryGetValue(parts[0] + parts[1], out var merged))
                throw new ModelFormatException($"{where}: merge {rank} ({item.GetRawText()}) names a token that is not in the vocabulary.");
            merges[(left, right)] = (rank++, merged);
        }

        return merges;
    }

    private static List<AddedToken> ReadAdded(JsonElement root, JsonElement config, string where)
    {
        var tokens = new List<AddedToken>();
        if (root.TryGetProperty("added_tokens", out var list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in list.EnumerateArray())
                tokens.Add(ReadAdded(item, item.GetProperty("id").GetInt32(), $"{where}: added_tokens"));
        }

        // tokenizer_config.json repeats them, and may add some.
        if (config.TryGetProperty("added_tokens_decoder", out var more) && more.ValueKind == JsonValueKind.Object)
        {
            foreach (var entry in more.EnumerateObject())
            {
                if (!int.TryParse(entry.Name, out var id))
                    throw new ModelFormatException($"tokenizer_config.json: added_tokens_decoder has the key {entry.Name}, which is no token id.");
                var token = ReadAdded(entry.Value, id, "tokenizer_config.json: added_tokens_decoder");
                if (!tokens.Exists(t => t.Content == token.Content || t.Id == token.Id))
                    tokens.Add(token);
            }
        }

        return tokens;
    }

    private static AddedToken ReadAdded(JsonElement json, int id, string where)
    {
        var fields = new StrictObject(JsonObject.Create(json) ?? throw new ModelFormatException($"{where}: {id} is no object."), where);
        var special = fields.Bool("special", false);
        var token = new AddedToken(
            Checked(id, where), fields.Text("content"), fields.Bool("single_word", false), fields.Bool("lstrip", false), fields.Bool("rstrip", false),
            fields.Bool("normalized", !special), special);
        fields.RefuseTheRest(new HashSet<string> { "id", "__type" });
        return token;
    }

    private static void ReadPostProcessor(Component component, List<int> prefix, List<int> suffix)
    {
        switch (component.Type)
        {
            case "Sequence":
                foreach (var child in component.Children("processors"))
                    ReadPostProcessor(child, prefix, suffix);
                break;
            case "ByteLevel":
                break; // moves offsets, never ids
            case "TemplateProcessing":
                ReadTemplate(component, prefix, suffix);
                break;
            default:
                throw component.Unknown("TemplateProcessing, ByteLevel, Sequence");
        }

        component.Fields.RefuseTheRest(component.Type == "ByteLevel" ? new HashSet<string> { "add_prefix_space", "trim_offsets", "use_regex" } : None);
    }

    private static void ReadTemplate(Component component, List<int> prefix, List<int> suffix)
    {
        _ = component.Fields.Node("pair"); // two texts at once: no use here
        var ids = component.Fields.Object("special_tokens");
        List<int> before = [], after = [];
        var sequences = 0;
        foreach (var item in component.Fields.Node("single") as JsonArray ?? throw component.Fields.Wrong("single", "a list"))
        {
            if (item?["Sequence"] is not null)
            {
                sequences++;
                continue;
            }

            var name = item?["SpecialToken"]?["id"]?.GetValue<string>() ?? throw component.Fields.Wrong("single", "a list of SpecialToken and Sequence");
            var special = ids?.Object(name) ?? throw new ModelFormatException($"{component.Where}: special_tokens lacks {name}.");
            (sequences == 0 ? before : after).AddRange(special.IntOrList("ids"));
        }

        if (sequences != 1)
            throw component.Fields.Wrong("single", "a list with one Sequence");
        prefix.InsertRange(0, before); // a later template wraps what an earlier one made
        suffix.AddRange(after);
    }

    private static int Checked(int id, string where) => id is >= 0 and < 10_000_000 ? id
        : throw new ModelFormatException($"{where}: {id} is no possible token id.");

    private static string? TokenName(JsonElement config, string name)
    {
        if (!config.TryGetProperty(name, out var value))
            return null;
        return value.ValueKind == JsonValueKind.Object ? value.GetProperty("content").GetString() : value.GetString();
    }

    private static bool Flag(JsonElement config, string name) => config.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
