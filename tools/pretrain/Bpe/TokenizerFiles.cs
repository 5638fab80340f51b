using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Pretrain.Bpe;

/// <summary>Writes a vocabulary in the files that Hugging Face tools load: tokenizer.json and tokenizer_config.json.</summary>
internal static class TokenizerFiles
{
    /// <summary>
    /// ChatML; the generation blocks mark what the assistant says, which is what the loss is taken on. A message begins with a space, so that its
    /// first word is the same token as the word inside a sentence: a small model need not learn every word twice.
    /// </summary>
    public const string ChatTemplate =
        "{{ bos_token }}{% for turn in messages %}{{ '<|im_start|>' + turn.role + '\n' }}"
        + "{% if turn.role == 'assistant' %}{% generation %}{{ ' ' + turn.content + '<|im_end|>' }}{% endgeneration %}"
        + "{% else %}{{ ' ' + turn.content + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(BpeVocabulary vocabulary, string folder, int maxPositions)
    {
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), TokenizerJson(vocabulary));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), ConfigJson(maxPositions));
    }

    public static string TokenizerJson(BpeVocabulary vocabulary)
    {
        var tokens = new JsonObject();
        for (var id = 0; id < vocabulary.Size; id++) tokens.Add(vocabulary.Spell(id), id);
        var bos = BpeVocabulary.Specials[BpeVocabulary.Bos];
        JsonObject BosPiece() => new() { ["SpecialToken"] = new JsonObject { ["id"] = bos, ["type_id"] = 0 } };
        JsonObject TextPiece(string id) => new() { ["Sequence"] = new JsonObject { ["id"] = id, ["type_id"] = 0 } };
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. BpeVocabulary.Specials.Select((text, id) => new JsonObject
            {
                ["id"] = id, ["content"] = text, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
            })]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                    new JsonObject
                    {
                        ["type"] = "Split",
                        ["pattern"] = new JsonObject { ["Regex"] = BpeVocabulary.SplitPattern },
                        ["behavior"] = "Isolated",
                        ["invert"] = false,
                    },
                    ByteLevel()),
            },
            ["post_processor"] = new JsonObject
            {
                ["type"] = "TemplateProcessing",
                ["single"] = new JsonArray(BosPiece(), TextPiece("A")),
                ["pair"] = new JsonArray(BosPiece(), TextPiece("A"), BosPiece(), TextPiece("B")),
                ["special_tokens"] = new JsonObject
                {
                    [bos] = new JsonObject { ["id"] = bos, ["ids"] = new JsonArray(BpeVocabulary.Bos), ["tokens"] = new JsonArray(bos) },
                },
            },
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = tokens,
                ["merges"] = new JsonArray([.. vocabulary.Merges.Select(merge => JsonValue.Create($"{vocabulary.Spell(merge.Left)} {vocabulary.Spell(merge.Right)}"))]),
            },
        }.ToJsonString(Readable) + "\n";
    }

    public static string ConfigJson(int maxPositions) => new JsonObject
    {
        ["tokenizer_class"] = "PreTrainedTokenizerFast",
        ["bos_token"] = BpeVocabulary.Specials[BpeVocabulary.Bos],
        ["eos_token"] = BpeVocabulary.Specials[BpeVocabulary.Eos],
        ["pad_token"] = BpeVocabulary.Specials[BpeVocabulary.Pad],
        ["add_bos_token"] = true,
        ["add_eos_token"] = false,
        ["model_max_length"] = maxPositions,
        ["chat_template"] = ChatTemplate,
    }.ToJsonString(Readable) + "\n";

    private static JsonObject ByteLevel() =>
        new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = false };
}
