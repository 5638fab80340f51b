using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>Builds the normalizer, pre-tokenizer and decoder of a tokenizer.json; a type or field it does not know is refused by name.</summary>
internal static class ComponentReader
{
    // These change offsets, never ids, or are read by nobody any more.
    private static readonly HashSet<string> Ignored = ["trim_offsets", "str_rep", "add_prefix_space", "use_regex"];

    public static INormalizer? Normalizer(JsonElement root, string where)
    {
        if (Open(root, "normalizer", where) is not { } component)
            return null;
        return Normalizer(component);
    }

    public static IPreTokenizer? PreTokenizer(JsonElement root, string where) =>
        Open(root, "pre_tokenizer", where) is { } component ? PreTokenizer(component) : null;

    /// <summary>What makes the decode stages of one text; each call makes them anew.</summary>
    public static IReadOnlyList<Func<DecodeStage>> Decoder(JsonElement root, string where)
    {
        if (Open(root, "decoder", where) is not { } component)
            return [() => new JoinDecodeStage()];
        var stages = new List<Func<DecodeStage>>();
        var fused = false;
        AddDecoder(component, stages, ref fused);
        return stages;
    }

    public static Component? Open(JsonElement root, string name, string where)
    {
        if (!root.TryGetProperty(name, out var element) || element.ValueKind == JsonValueKind.Null)
            return null;
        if (element.ValueKind != JsonValueKind.Object)
            throw new ModelFormatException($"{where}: {name} is no object.");
        return new Component(JsonObject.Create(element)!, $"{where}: {name}");
    }

    private static INormalizer Normalizer(Component component)
    {
        INormalizer result = component.Type switch
        {
            "Sequence" => new NormalizerSequence([.. component.Children("normalizers").Select(Normalizer)]),
            "NFC" => new UnicodeFormNormalizer(compatible: false, compose: true),
            "NFD" => new UnicodeFormNormalizer(compatible: false, compose: false),
            "NFKC" => new UnicodeFormNormalizer(compatible: true, compose: true),
            "NFKD" => new UnicodeFormNormalizer(compatible: true, compose: false),
            "Prepend" => new PrependNormalizer(component.Fields.Text("prepend")),
            "Replace" => new ReplaceNormalizer(component.Pattern(), component.Fields.Text("content")),
            "Strip" => new StripNormalizer(component.Fields.Bool("strip_left", true), component.Fields.Bool("strip_right", true)),
            "Lowercase" => new LowercaseNormalizer(),
            _ => throw component.Unknown("NFC, NFD, NFKC, NFKD, Prepend, Replace, Strip, Lowercase, Sequence"),
        };
        component.Fields.RefuseTheRest(Ignored);
        return result;
    }

    private static IPreTokenizer PreTokenizer(Component component)
    {
        IPreTokenizer result = component.Type switch
        {
            "Sequence" => new PreTokenizerSequence([.. component.Children("pretokenizers").Select(PreTokenizer)]),
            "Split" => new SplitPreTokenizer(component.Pattern(), Behavior(component), component.Fields.Bool("invert", false)),
            "ByteLevel" => new ByteLevelPreTokenizer(component.Fields.Bool("add_prefix_space", true), component.Fields.Bool("use_regex", true)),
            "Metaspace" => new MetaspacePreTokenizer(component.Char("replacement", '▁'), Scheme(component), component.Fields.Bool("split", true)),
            "Digits" => new SplitPreTokenizer(
                TextPattern.OfRegex(@"\p{N}"), component.Fields.Bool("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous, false),
            "Whitespace" => new SplitPreTokenizer(TextPattern.OfRegex(@"\w+|[^\w\s]+"), SplitBehavior.Removed, invert: true),
            _ => throw component.Unknown("Split, ByteLevel, Metaspace, Digits, Whitespace, Sequence"),
        };
        component.Fields.RefuseTheRest(Ignored);
        return result;
    }

    private static void AddDecoder(Component component, List<Func<DecodeStage>> stages, ref bool fused)
    {
        var after = fused;
        var fields = component.Fields;
        switch (component.Type)
        {
            case "Sequence":
                foreach (var child in component.Children("decoders"))
                    AddDecoder(child, stages, ref fused);
                break;
            case "ByteLevel" or "ByteFallback" when fused:
                throw new ModelFormatException($"{component.Where}: {component.Type} after Fuse or ByteLevel has no single tokens to read.");
            case "ByteLevel":
                stages.Add(() => new ByteLevelDecodeStage());
                fused = true;
                break;
            case "ByteFallback":
                stages.Add(() => new ByteFallbackDecodeStage());
                break;
            case "Fuse":
                fused = true;
                break;
            case "Replace":
                var (pattern, content) = (component.Pattern(), fields.Text("content"));
                stages.Add(() => new ReplaceDecodeStage(pattern, content, after));
                break;
            case "Strip":
                var (value, start, stop) = (component.Char("content", null), fields.Int("start"), fields.Int("stop"));
                stages.Add(() => new StripDecodeStage(value, start, stop, after));
                break;
            case "Metaspace":
                var (replacement, scheme) = (component.Char("replacement", '▁'), Scheme(component));
                _ = fields.Bool("split", true);
                stages.Add(() => new MetaspaceDecodeStage(replacement, scheme, after));
                break;
            default:
                throw component.Unknown("ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, Sequence");
        }

        fields.RefuseTheRest(Ignored);
    }

    private static SplitBehavior Behavior(Component component) => component.Fields.Text("behavior") switch
    {
        "Isolated" => SplitBehavior.Isolated,
        "Removed" => SplitBehavior.Removed,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        _ => throw component.Fields.Wrong("behavior", "Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous"),
    };

    private static PrependScheme Scheme(Component component) => component.Fields.OptionalText("prepend_scheme") switch
    {
        "always" => PrependScheme.Always,
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        // Files from before prepend_scheme say it with add_prefix_space.
        null => component.Fields.Bool("add_prefix_space", true) ? PrependScheme.Always : PrependScheme.Never,
        _ => throw component.Fields.Wrong("prepend_scheme", "always, first or never"),
    };
}
